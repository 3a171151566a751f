package policy

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

func TestTorchRowsAgreeWithTheOthers(t *testing.T) {
	date := regexp.MustCompile(`^20\d\d-\d\d-\d\d$`)
	cudas := map[string]bool{}
	for _, d := range Drivers() {
		cudas["cu"+strings.ReplaceAll(d.CUDA, ".", "")] = true
		assert.Assert(t, date.MatchString(d.Date) && d.Source != "", d.CUDA)
	}
	seen := map[string]bool{}
	for _, r := range Torch() {
		assert.Assert(t, !seen[r.Version], "%s stands twice", r.Version)
		seen[r.Version] = true
		assert.Assert(t, date.MatchString(r.Date) && r.Source != "", r.Version)
		assert.Assert(t, len(r.Pythons) > 0, r.Version)
		for _, platform := range []string{"linux/amd64", "linux/arm64"} {
			on := r.On(platform)
			for _, v := range on.Variants {
				assert.Assert(t, cudas[v], "torch %s: no driver row for %s", r.Version, v)
			}
		}
		on := r.On("linux/amd64")
		assert.Assert(t, slices.Contains(on.Variants, on.Default), "torch %s: %s is not in %v", r.Version, on.Default, on.Variants)
	}
}

func TestUVIsPinnedForEveryPlatform(t *testing.T) {
	for _, p := range []string{"linux/amd64", "linux/arm64"} {
		uv := UVFor(p)
		assert.Assert(t, regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(uv.SHA256), p)
		assert.Assert(t, uv.Version != "" && uv.Source != "" && uv.Date != "", p)
	}
}

func TestBasesFollowThePython(t *testing.T) {
	assert.Assert(t, strings.Contains(PythonBase("3.13"), "python:3.13-slim"))
}
