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

func TestGPUsAreKnownAsNVMLNamesThem(t *testing.T) {
	for name, want := range map[string]string{
		"h100": "9.0", "NVIDIA H100 80GB HBM3": "9.0", "NVIDIA H200": "9.0", "NVIDIA A100-SXM4-80GB": "8.0", "Tesla V100-SXM2-32GB": "7.0",
		"Tesla T4": "7.5", "NVIDIA GeForce RTX 5090": "12.0", "rtx5090": "12.0", "RTX 4090": "8.9", "NVIDIA L40S": "8.9",
		"NVIDIA RTX 6000 Ada Generation": "8.9", "Quadro RTX 6000": "7.5", "NVIDIA B200": "10.0", "GTX 1080 Ti": "6.1", "p100": "6.0",
	} {
		got, ok := GPUCapability(name)
		assert.Assert(t, ok, name)
		assert.Equal(t, got, want, name)
	}
	for _, name := range []string{"", "voodoo2", "NVIDIA", "h1000"} {
		_, ok := GPUCapability(name)
		assert.Assert(t, !ok, name)
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
