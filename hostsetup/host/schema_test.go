package host

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"
)

// member is a field of a host's JSON.
type member struct {
	path, kind string
	omit       string // "omitempty", "omitzero" or ""
	field      reflect.StructField
}

// members are all fields that a host's JSON can have: "gpus[].pcie.gen int".
func members(t reflect.Type, path string) (all []member) {
	switch t.Kind() {
	case reflect.Pointer:
		return members(t.Elem(), path)
	case reflect.Slice:
		return members(t.Elem(), path+"[]")
	case reflect.Map:
		return members(t.Elem(), path+"{}")
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return nil
		}
		for i := range t.NumField() {
			f := t.Field(i)
			name, omit, _ := strings.Cut(f.Tag.Get("json"), ",")
			at := strings.TrimPrefix(path+"."+name, ".")
			all = append(all, member{at, kind(f.Type), omit, f})
			all = append(all, members(f.Type, at)...)
		}
	}
	return all
}

// kind is a type in JSON's and Go's words.
func kind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return kind(t.Elem()) + " or nothing"
	case reflect.Slice:
		return "list of " + kind(t.Elem())
	case reflect.Map:
		return fmt.Sprintf("map of %s to %s", kind(t.Key()), kind(t.Elem()))
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return "time"
		}
		return "object"
	}
	if t == reflect.TypeFor[time.Duration]() {
		return "nanoseconds"
	}
	return t.Kind().String()
}

// The JSON is public: recordings of other versions are read, and scripts read it. A name
// or a type that changes here breaks them: that takes another SchemaVersion. What is new
// is only added: `go test ./hostsetup/host -update`.
func TestTheSchemaStaysAsItIs(t *testing.T) {
	var b strings.Builder
	fmt.Fprintf(&b, "schema version %d\n\n", SchemaVersion)
	for _, m := range members(reflect.TypeFor[Host](), "") {
		always := ""
		if m.omit == "" {
			always = ", always there"
		}
		fmt.Fprintf(&b, "%s: %s%s\n", m.path, m.kind, always)
	}
	golden.Assert(t, b.String(), "schema.txt")
}

var camel = regexp.MustCompile(`^[a-z][a-zA-Z0-9]*$`)

func TestNamesInJSON(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range members(reflect.TypeFor[Host](), "") {
		name := m.path[strings.LastIndexByte(m.path, '.')+1:]
		assert.Assert(t, camel.MatchString(name), "%s", m.path)
		assert.Assert(t, !seen[m.path], "%s is there twice", m.path)
		seen[m.path] = true
		assert.Assert(t, m.field.IsExported(), "%s is never written", m.path)
		assert.Assert(t, slices.Contains([]string{"", "omitempty", "omitzero"}, m.omit), "%s: %q", m.path, m.omit)
		// encoding/json leaves no struct out for omitempty: an empty object would say that somebody looked.
		if m.field.Type.Kind() == reflect.Struct {
			assert.Equal(t, m.omit, "omitzero", m.path)
		}
		// nil and an empty list would be the same for who reads, and two texts for who compares.
		if k := m.field.Type.Kind(); k == reflect.Slice || k == reflect.Map || k == reflect.Pointer {
			assert.Equal(t, m.omit, "omitempty", m.path)
		}
	}
}

// fill puts something into every field, each time something else.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d, \"<é>\" & \\", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*n))
	case reflect.Float64:
		v.SetFloat(float64(*n) + 0.25)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(key, n)
			fill(value, n)
			v.SetMapIndex(key, value)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 11, 24, 1, 2, 3, *n, time.UTC)))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	default:
		panic(v.Type().String() + " is no kind that a host has")
	}
}

func full() (h Host) {
	n := 0
	fill(reflect.ValueOf(&h).Elem(), &n)
	return h
}

// A field without a tag, or with another's name, would be lost on the way.
func TestAFullHostComesBack(t *testing.T) {
	h := full()
	data, err := json.Marshal(h)
	assert.NilError(t, err)
	var back Host
	assert.NilError(t, json.Unmarshal(data, &back))
	assert.DeepEqual(t, back, h)
	again, err := json.Marshal(back)
	assert.NilError(t, err)
	assert.Equal(t, string(again), string(data), "the same facts are the same text")

	// Every member of the schema is in it.
	var tree any
	assert.NilError(t, json.Unmarshal(data, &tree))
	for _, m := range members(reflect.TypeFor[Host](), "") {
		assert.Assert(t, has(tree, m.path), m.path)
	}
}

// has says whether a member is in a tree, by its path.
func has(tree any, path string) bool {
	name, rest, deeper := strings.Cut(path, ".")
	key := strings.TrimRight(name, "[]{}")
	object, ok := tree.(map[string]any)
	if !ok {
		return false
	}
	value, ok := object[key]
	if !ok || !deeper {
		return ok
	}
	for range strings.Count(name, "[]") {
		list, ok := value.([]any)
		if !ok || len(list) == 0 {
			return false
		}
		value = list[0]
	}
	for range strings.Count(name, "{}") {
		values, ok := value.(map[string]any)
		if !ok {
			return false
		}
		for _, v := range values {
			value = v
		}
	}
	return has(value, rest)
}

// Of what nobody found out nothing is said; a zero that is a fact is.
func TestWhatIsNotKnownIsLeftOut(t *testing.T) {
	always := map[string]bool{}
	for _, m := range members(reflect.TypeFor[Host](), "") {
		if m.omit == "" {
			always[m.path] = true
		}
	}
	data, err := json.Marshal(Host{})
	assert.NilError(t, err)
	assert.Equal(t, string(data), "{}")
	for name, value := range map[string]any{
		"pci[]": PCI{}, "gpus[]": GPU{}, "gpus[].temperature": Temperature{}, "gpus[].power": Power{}, "gpus[].clocks": Clocks{}, "gpus[].fans[]": Fan{}, "gpus[].utilization": Utilization{},
		"gpus[].ecc": ECC{}, "gpus[].remappedRows": Remap{}, "gpus[].pcie": PCIe{}, "gpus[].nvlinks[]": NVLink{}, "gpus[].fabric": Fabric{}, "gpus[].mig": MIG{}, "gpus[].mig.devices[]": MIGDevice{},
		"gpus[].processes[]": Process{}, "xids[]": Xid{}, "nodes[]": Node{}, "kernel": Kernel{}, "kernel.installed[]": InstalledKernel{}, "kernel.modules[]": Module{}, "kernel.log[]": LogLine{},
		"driver": Driver{}, "driver.libraries[]": Library{}, "toolkit": Toolkit{}, "toolkit.repositories[]": Repository{}, "cdi": CDI{}, "cdi.specs[]": CDISpec{}, "cdi.specs[].paths[]": CDIPath{},
		"cdi.specs[].nodes[]": CDINode{}, "engine": Engine{}, "engine.containers[]": Container{}, "engine.swarm": Swarm{}, "limits": Limits{}, "disks[]": Disk{}, "units[]": Unit{}, "packages[]": Package{}, "os": OS{},
	} {
		data, err := json.Marshal(value)
		assert.NilError(t, err)
		var object map[string]any
		assert.NilError(t, json.Unmarshal(data, &object))
		for key := range object {
			assert.Assert(t, always[name+"."+key], "%s of nothing says %s", name, data)
		}
	}
}

// A recording of a newer docker gpu may have more: that is passed over. One of an older
// has less.
func TestOtherVersionsOfTheSchema(t *testing.T) {
	var h Host
	assert.NilError(t, json.Unmarshal([]byte(`{"schemaVersion": 1, "name": "box", "later": {"x": [1]}, "gpus": [{"index": 1, "name": "N", "more": true}], "kernel": {"release": "6.8", "tuned": "yes"}}`), &h))
	assert.DeepEqual(t, h, Host{SchemaVersion: 1, Name: "box", GPUs: []GPU{{Index: 1, Name: "N"}}, Kernel: Kernel{Release: "6.8"}})
	assert.Equal(t, SchemaVersion, 1)
}

// The recordings that doctor is tested on are of this schema: a member that they have and a
// host has not was renamed, or never read.
func TestRecordingsAreOfThisSchema(t *testing.T) {
	names, err := filepath.Glob("../doctor/testdata/*.json")
	assert.NilError(t, err)
	assert.Assert(t, len(names) > 20)
	for _, name := range names {
		data, err := os.ReadFile(name)
		assert.NilError(t, err)
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.DisallowUnknownFields()
		var h Host
		assert.NilError(t, decoder.Decode(&h), name)
		assert.Equal(t, h.SchemaVersion, SchemaVersion, name)
		again, err := json.Marshal(h)
		assert.NilError(t, err)
		var back Host
		assert.NilError(t, json.Unmarshal(again, &back))
		twice, err := json.Marshal(back)
		assert.NilError(t, err)
		assert.Equal(t, string(twice), string(again), name)
	}
}

// Go's decoder takes names in any case; what it must not take is another type.
func TestTypesInJSON(t *testing.T) {
	for in, want := range map[string]string{
		`{"gpus": {"0": {}}}`:                      "gpus",
		`{"gpus": [{"index": "0"}]}`:               "gpus.index",
		`{"gpus": [{"memory": -1}]}`:               "gpus.memory",
		`{"gpus": [{"memory": 1e30}]}`:             "gpus.memory",
		`{"gpus": [{"minor": 1.5}]}`:               "gpus.minor",
		`{"taken": 5}`:                             "Time.UnmarshalJSON",
		`{"kernel": {"deviceMajors": {"x": "y"}}}`: "kernel.deviceMajors",
		`{"engine": {"args": "dockerd"}}`:          "engine.args",
		`{"unread": ["x"]}`:                        "unread",
		`[]`:                                       "cannot unmarshal array",
	} {
		var h Host
		assert.ErrorContains(t, json.Unmarshal([]byte(in), &h), want, in)
	}
}

// A minor number of 0, a GPU's index 0, a margin of 0 °C are facts, and another thing than unknown.
func TestZeroAndUnknownAreTwo(t *testing.T) {
	zero, no := 0, false
	for want, value := range map[string]any{
		`{"index":0,"name":"","minor":0,"persistence":false}`: GPU{Minor: &zero, Persistence: &no},
		`{"index":0,"name":""}`:                               GPU{},
		`{"gpu":0,"margin":0}`:                                Temperature{Margin: &zero},
		`{"path":"/dev/x","major":0,"minor":0}`:               CDINode{Path: "/dev/x", Major: &zero, Minor: &zero},
		`{"path":"/dev/x"}`:                                   CDINode{Path: "/dev/x"},
		`{"pid":7,"mig":0}`:                                   Process{PID: 7, MIG: &zero},
		`{"release":"6.8","enrolled":false}`:                  InstalledKernel{Release: "6.8", Enrolled: &no},
		`{"release":"6.8"}`:                                   InstalledKernel{Release: "6.8"},
		`{"on":false,"pending":false}`:                        MIG{},
	} {
		data, err := json.Marshal(value)
		assert.NilError(t, err)
		assert.Equal(t, string(data), want)
	}
}

// Times are in UTC and as fine as the clock; durations are nanoseconds.
func TestTimesInJSON(t *testing.T) {
	at := time.Date(2026, 11, 24, 12, 0, 0, 123456789, time.UTC)
	h := Host{Taken: at, Kernel: Kernel{Booted: at.Add(-time.Hour)}, Xids: []Xid{{Since: 1500 * time.Microsecond, Code: 79}}}
	data, err := json.Marshal(h)
	assert.NilError(t, err)
	assert.Equal(t, string(data), `{"taken":"2026-11-24T12:00:00.123456789Z","kernel":{"booted":"2026-11-24T11:00:00.123456789Z"},"xids":[{"since":1500000,"code":79,"text":""}]}`)
	var back Host
	assert.NilError(t, json.Unmarshal(data, &back))
	assert.DeepEqual(t, back, h)
}

// Each type and each field whose name does not say all is explained: the JSON is an interface.
func TestTypesAreExplained(t *testing.T) {
	names, err := filepath.Glob("*.go")
	assert.NilError(t, err)
	types := 0
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		assert.NilError(t, err)
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, d := range file.Decls {
			decl, ok := d.(*ast.GenDecl)
			if !ok || decl.Tok != token.TYPE {
				assert.Assert(t, !ok || decl.Tok == token.CONST || decl.Tok == token.IMPORT, "%s: this package holds no variables", name)
				_, function := d.(*ast.FuncDecl)
				assert.Assert(t, !function, "%s: this package holds no judgement", name)
				continue
			}
			for _, s := range decl.Specs {
				types++
				ts := s.(*ast.TypeSpec)
				doc := ts.Doc.Text() + decl.Doc.Text()
				assert.Assert(t, strings.HasPrefix(doc, ts.Name.Name+" "), "%s says %q of itself", ts.Name.Name, doc)
			}
		}
	}
	assert.Assert(t, types > 30)
}
