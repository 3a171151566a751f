package verify

import (
	"errors"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/buildkit/resolve"
)

// good is a result that every plan below accepts; tests spoil one thing each.
func good() *Result {
	return &Result{
		SchemaVersion: 1, Tier: 2,
		Torch:  &Torch{Version: "2.14.0+cu130", CUDA: "13.0", Archs: []string{"sm_80", "sm_90", "compute_120"}},
		Checks: []Check{{Name: "import", OK: true}, {Name: "libraries", OK: true}, {Name: "duplicates", OK: true}},
		GPUs:   []GPU{{Name: "NVIDIA H200", ComputeCapability: "9.0"}},
	}
}

func plan() resolve.Plan {
	return resolve.Plan{
		Torch: &resolve.Torch{Version: "2.14.0", Variant: "cu130"}, CUDA: "13.0", Targets: []string{"9.0"},
	}
}

func TestJudge(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*Result, *resolve.Plan)
		wrong []string
	}{
		"good": {func(*Result, *resolve.Plan) {}, nil},
		"failed check": {
			func(r *Result, _ *resolve.Plan) { r.Checks[1] = Check{Name: "libraries", Detail: "libfoo.so: gone"} },
			[]string{"libraries: libfoo.so: gone"},
		},
		"other torch": {
			func(r *Result, _ *resolve.Plan) { r.Torch.Version = "2.13.0+cu130" },
			[]string{"torch is 2.13.0+cu130, not the 2.14.0 that was asked for"},
		},
		"a longer version is another one": {
			func(r *Result, _ *resolve.Plan) { r.Torch.Version = "2.14.0.post1+cu130" },
			[]string{"torch is 2.14.0.post1+cu130, not the 2.14.0 that was asked for"},
		},
		"a version without a variant is right": {func(r *Result, _ *resolve.Plan) { r.Torch.Version = "2.14.0" }, nil},
		"other CUDA": {
			func(r *Result, _ *resolve.Plan) { r.Torch.CUDA = "12.6" },
			[]string{`torch is made for CUDA "12.6", not 13.0`},
		},
		"a CPU wheel": {
			func(r *Result, _ *resolve.Plan) { r.Torch.CUDA = "" },
			[]string{`torch is made for CUDA "", not 13.0`},
		},
		"CUDA unknown beforehand": {func(r *Result, p *resolve.Plan) { p.CUDA, r.Torch.CUDA = "", "12.6" }, nil},
		"an architecture is lost": {
			func(r *Result, _ *resolve.Plan) { r.Torch.Archs = []string{"sm_75", "sm_80"} },
			[]string{"PyTorch has no code for sm_90, only for sm_75 sm_80"},
		},
		"PTX serves newer GPUs":     {func(_ *Result, p *resolve.Plan) { p.Targets = []string{"12.0"} }, nil},
		"no targets, no wish":       {func(r *Result, p *resolve.Plan) { p.Targets, r.Torch.Archs = nil, nil }, nil},
		"no GPU seen":               {func(r *Result, _ *resolve.Plan) { r.GPUs = nil }, []string{"no GPU was seen inside the image"}},
		"no GPU needed":             {func(r *Result, _ *resolve.Plan) { r.Tier, r.GPUs = 1, nil }, nil},
		"no GPU follows from cause": {func(r *Result, _ *resolve.Plan) { r.GPUs, r.Checks[0] = nil, Check{Name: "import", Detail: "boom"} }, []string{"import: boom"}},
		"the base's torch may be any": {
			func(r *Result, p *resolve.Plan) { p.Torch.InBase, r.Torch.Version = true, "2.9.1+git" },
			nil,
		},
		"duplicates": {
			func(r *Result, _ *resolve.Plan) { r.Checks[2] = Check{Name: "duplicates", Detail: "twice"} },
			[]string{"duplicates: twice"},
		},
		"duplicates of the base": {
			func(r *Result, p *resolve.Plan) {
				p.Torch.InBase, r.Checks[2] = true, Check{Name: "duplicates", Detail: "twice"}
			},
			nil,
		},
		"the base's other faults count": {
			func(r *Result, p *resolve.Plan) {
				p.Torch.InBase, r.Checks[1] = true, Check{Name: "libraries", Detail: "lost"}
			},
			[]string{"libraries: lost"},
		},
		"everything wrong is named": {
			func(r *Result, _ *resolve.Plan) {
				r.Checks[0], r.Torch.Version, r.Torch.CUDA = Check{Name: "import", Detail: "x"}, "2.0.0", "11.8"
			},
			[]string{"import: x", "torch is 2.0.0, not the 2.14.0 that was asked for", `torch is made for CUDA "11.8", not 13.0`},
		},
		"without torch only checks count": {func(r *Result, p *resolve.Plan) { p.Torch, r.Torch, r.Tier = nil, nil, 1 }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r, p := good(), plan()
			c.spoil(r, &p)
			err := Judge(r, p)
			if c.wrong == nil {
				assert.NilError(t, err)
				return
			}
			var failure *Failure
			assert.Assert(t, errors.As(err, &failure), "%v", err)
			assert.DeepEqual(t, failure.Wrong, c.wrong)
			assert.ErrorContains(t, err, "nothing was exported")
		})
	}
}

func TestParse(t *testing.T) {
	r, err := Parse([]byte(`{"schemaVersion":1,"tier":2,"checks":[{"name":"gpu 0","ok":false,"detail":"d","seconds":1.5}],
		"gpus":[{"index":0,"name":"H","computeCapability":"9.0","memory":5,"results":[
			{"op":"matmul","format":"fp16","size":1024,"error":"nan","tolerance":0.1,"ok":false},
			{"op":"matmul","format":"fp32","size":8192,"error":1e-7,"tolerance":0.1,"ok":true,"tflops":51.5}]}]}`))
	assert.NilError(t, err)
	assert.Equal(t, r.Checks[0].Detail, "d")
	results := r.GPUs[0].Results
	assert.Equal(t, results[0].Error, "nan", "JSON has no NaN, so it is a word")
	assert.Equal(t, results[1].Error, 1e-7)
	assert.Equal(t, results[1].TFLOPS, 51.5)

	for name, c := range map[string]struct{ text, says string }{
		"empty":          {"", "no readable result"},
		"cut off":        {`{"schemaVersion":1,"checks":[`, "no readable result"},
		"bare NaN":       {`{"schemaVersion":1,"checks":[{"seconds":NaN}]}`, "no readable result"},
		"no checks":      {`{"schemaVersion":1,"checks":[]}`, "without checks"},
		"other schema":   {`{"schemaVersion":2,"checks":[{"name":"x","ok":true}]}`, "without checks"},
		"something else": {`{}`, "without checks"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(c.text))
			assert.ErrorContains(t, err, c.says)
		})
	}
}

func TestParseMode(t *testing.T) {
	for _, m := range []Mode{Auto, Require, CPU, Off} {
		got, err := ParseMode(string(m))
		assert.NilError(t, err)
		assert.Equal(t, got, m)
	}
	for _, s := range []string{"", "gpu", "AUTO", "true"} {
		_, err := ParseMode(s)
		assert.ErrorContains(t, err, "is not one of auto, require, cpu, off", s)
	}
}
