package resolve

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/golden"

	"github.com/dockergpu/docker-gpu/buildkit/spec"
	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// wish is a spec and a platform in the words of the command line.
func wish(t *testing.T, line string) (s spec.Spec, platform string) {
	t.Helper()
	platform = "linux/amd64"
	for word := range strings.FieldsSeq(line) {
		flag, value, _ := strings.Cut(word, "=")
		switch flag {
		case "--torch":
			s.Torch = value
			if value == "" {
				s.Torch = "auto"
			}
		case "--cuda":
			s.CUDA = value
		case "--cuda-only":
			s.CUDAOnly = true
		case "--python":
			s.Python = value
		case "--base":
			s.Base = value
		case "--tool-base":
			s.ToolBase = value
		case "--target-gpu":
			s.Target.GPUs = strings.Split(value, ",")
		case "--target-driver":
			s.Target.Driver = value
		case "--index-url":
			s.Index.URL = value
		case "--torch-index-url":
			s.Index.Torch = value
		case "--package":
			s.Packages = append(s.Packages, value)
		case "--platform":
			platform = value
		default:
			t.Fatalf("%s is no flag of this test", word)
		}
	}
	return s, platform
}

// told is what wishes come to, one after the other, for a golden file.
func told(t *testing.T, lines string, idx Index, tell func(line string, p Plan, err error) string) {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(lines) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		s, platform := wish(t, line)
		p, err := Decide(t.Context(), s, host.Host{}, platform, idx)
		fmt.Fprintf(&b, "$ docker gpu build %s\n%s\n", line, tell(line, p, err))
	}
	golden.Assert(t, b.String(), filepath.FromSlash(strings.TrimPrefix(t.Name(), "Test")+".txt"))
}

// refused is the text of a conflict, and fails where there is none or where it helps nobody.
func refused(t *testing.T) func(string, Plan, error) string {
	return func(line string, _ Plan, err error) string {
		var c *Conflict
		if !errors.As(err, &c) {
			t.Errorf("%s: %v is no conflict", line, err)
			return ""
		}
		for _, text := range append([]string{c.What, c.Why}, c.WaysOut...) {
			assert.Check(t, strings.TrimSpace(text) != "" && !strings.Contains(text, "\n"), "%s: %q", line, c)
		}
		assert.Check(t, len(c.WaysOut) > 0, "%s: no way out of %v", line, c)
		return c.Error() + "\n"
	}
}

// reasoned is a decision with every reason, and fails where there is none.
func reasoned(t *testing.T) func(string, Plan, error) string {
	return func(line string, p Plan, err error) string {
		assert.Check(t, err == nil, "%s: %v", line, err)
		return Explain(p)
	}
}

// Wishes that cannot be had together, by the tables alone: what, why, and what can be had.
func TestRefused(t *testing.T) {
	told(t, `
# words that mean nothing
--torch=two
--torch=2.14.0rc1
--torch=nightly
--torch=2.14.0+cu126
--torch=2.14.0+cpu
--torch --cuda=twelve
--torch --cuda=9.2
--torch --python=3
--torch --target-gpu=voodoo2
--torch --target-gpu=rtx5095
--torch --target-gpu=H10
--torch --target-driver=newest
--torch --platform=linux/riscv64
# wishes that say nothing, or two things
--cuda=12.6
--package=numpy --cuda=cu126
--torch --cuda-only
--torch=base
--torch=base --base=b --torch-index-url=https://mirror.example.com
--torch --cuda=12.6 --torch-index-url=https://mirror.example.com/whl/cu130
# releases that do not exist here
--torch=1.13
--torch=2.4.1
--torch=2.5.9
--torch=3.0
# a CUDA that is none, or that this release lacks
--torch --cuda=10.2
--torch --cuda=12.7
--torch --cuda=12.5
--torch=2.14.0 --cuda=11.8
--torch=2.14.0 --cuda=12.8 --platform=linux/arm64
--torch=2.6.0 --platform=linux/arm64
# a Python without wheels
--torch=2.5.1 --python=3.14
--torch=2.14 --python=3.9
--torch=2.14 --python=3.9 --target-gpu=rtx5090
--torch --python=3.20
--torch=2.14.0 --cuda=11.8 --python=3.9
--torch --cuda=11.8 --python=3.14
# a driver that is too old
--torch --target-driver=390.157
--torch --target-driver=535 --target-gpu=rtx5090
--torch --target-driver=570.86 --target-gpu=thor --platform=linux/arm64
--torch=2.14.0 --cuda=13.0 --target-gpu=h100 --target-driver=535
--torch=2.14.0 --cuda=13.0 --target-driver=450.80.02
--torch=2.15.0 --target-driver=550.54
--torch --target-driver=450.80.02 --platform=linux/arm64
--torch=2.14.0 --target-gpu=h100 --target-driver=470.57 --platform=linux/arm64
--torch=2.14.0 --cuda=11.8 --target-gpu=h100 --target-driver=450.80.02 --platform=linux/arm64
--torch=base --base=b --cuda=13.0 --target-driver=535
# a GPU that no wheel has code for
--torch --target-gpu=sm_37
--torch=2.14.0 --target-gpu=sm_37 --target-driver=470.57
--torch=2.6.0 --target-gpu=b200
--torch=2.14.0 --cuda=12.6 --target-gpu=b300 --target-driver=580
--torch=2.8.0 --cuda=12.6 --target-gpu=p100 --cuda=12.8
--torch=2.14.0 --cuda=13.2 --target-gpu=p100 --target-driver=450.80.02
--torch --target-gpu=thor
--torch=2.14.0 --target-gpu=p100 --platform=linux/arm64
# several GPUs that share no wheel
--torch --target-gpu=p100,rtx5090
--torch --target-gpu=p100,rtx5090 --target-driver=580
--torch=2.14.0 --target-gpu=p100,rtx5090 --target-driver=570.86
--torch=2.14.0 --cuda=12.6 --target-gpu=p100,rtx5090
--torch --target-gpu=p100,rtx5090 --platform=linux/arm64
--torch --target-gpu=p100,sm_37
# CUDA's libraries alone
--cuda-only --cuda=10.2
--cuda-only --cuda=12.1 --platform=linux/arm64
--cuda-only --cuda=13.0 --target-gpu=p100
--cuda-only --cuda=12.6 --target-gpu=b200
--cuda-only --cuda=13.0 --target-driver=535
--cuda-only --cuda=12.6 --target-driver=470.57
--cuda-only --cuda=12.6 --target-driver=390
--cuda-only --target-gpu=p100,thor
`, nil, refused(t))
}

// What is chosen, and why, where the wishes can be had.
func TestReasoned(t *testing.T) {
	told(t, `
--package=numpy
--package=numpy --python=3.14
--package=numpy --base=debian:12
--package=numpy --target-gpu=h100
--torch=2.14.0
--torch=2.14
--torch=2.14.0 --target-gpu=h100 --target-driver=580.65.06
--torch=2.14.0 --target-gpu=h100 --target-driver=550.54.14
--torch=2.14.0 --target-gpu=h100,rtx5090,a100
--torch=2.14.0 --target-gpu=sm_90,9.0,h200 --cuda=126
--torch=2.14.0 --target-gpu=p100
--torch=2.11.0 --target-gpu=b200 --target-driver=570.86
--torch=2.9.1 --platform=linux/arm64
--torch=2.14.0 --python=3.14
--torch=2.14.0 --base=registry.example.com/team/base:1
--torch=2.14.0 --torch-index-url=https://mirror.example.com/whl/cu126
--torch=2.14.0 --torch-index-url=https://mirror.example.com/torch
--torch=base --base=pytorch/pytorch:2.14.0-cuda13.0-cudnn9-runtime
--torch=base --base=pytorch/pytorch --cuda=12.6 --python=3.11 --target-driver=580
--torch=2.15.0 --cuda=12.6
--torch=2.99
--cuda-only
--cuda-only --cuda=12.6.3 --target-driver=535
--cuda-only --target-gpu=p100 --target-driver=580
--cuda-only --target-gpu=p100,rtx5090
--cuda-only --target-driver=470.57
--cuda-only --target-gpu=b200 --target-driver=570.86 --base=ubuntu:24.04 --python=3.13
--cuda-only --target-gpu=sm_37
--cuda-only --tool-base=registry.example.com/python:3.12 --platform=linux/arm64
`, nil, reasoned(t))
}
