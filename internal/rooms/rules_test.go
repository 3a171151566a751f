// Package rooms tests that imports in the module go downwards only. This file is
// the rules: which room may import which, and what is kept out of all of them.
package rooms

// A Room is one package, or with "/..." a package and all below it, and what
// it may import: rooms of the module by the same patterns.
type Room struct {
	Name string
	May  []string
}

// Rooms are all rooms of the module, from the top down. A package in none of
// them fails the test: say here what it may import. A room may come before its
// package does.
func Rooms() []Room {
	const (
		host    = "hostsetup/host"
		policy  = "internal/policy"
		engine  = "internal/engine"
		bounded = "internal/bounded"
		worker  = "internal/worker" // the built programs: must not come into the programs themselves
		lines   = "internal/worker/report"
		image   = "internal/worker/image"
	)
	return []Room{
		{"cmd/docker-gpu", []string{"plugin"}},
		{"cmd/gpu-worker", []string{"hostsetup/cuda", "hostsetup/probe", host, "internal/version", lines}},
		{"cmd/gpu-probe", []string{"hostsetup/probe", "internal/version", image}},
		{"plugin", []string{"buildkit/...", "composegen", "hostsetup/daemonjson", "hostsetup/doctor", host, "hostsetup/monitor", "hostsetup/probe/...",
			"hostsetup/setup/...", "hostsetup/verify", "internal/...", "templates"}},

		{"composegen", []string{host, policy, "templates"}},
		{"buildkit", []string{"buildkit/...", host, engine, policy}},
		{"buildkit/solve", []string{"buildkit/graph", "buildkit/verify", "buildkit/lock", "buildkit/resolve", "buildkit/spec", bounded, policy}},
		{"buildkit/graph", []string{"buildkit/lock", "buildkit/resolve", "buildkit/spec", "buildkit/verify", policy, "templates"}},
		{"buildkit/verify", []string{"buildkit/lock", "buildkit/resolve", "buildkit/spec", policy}},
		{"buildkit/project", []string{"buildkit/lock", "buildkit/spec", bounded}},
		{"buildkit/lock", []string{"buildkit/resolve", "buildkit/spec"}},
		{"buildkit/resolve", []string{"buildkit/spec", host, policy}},
		{"buildkit/pkgindex", []string{bounded}},
		{"buildkit/spec", []string{bounded, "internal/nearest"}},

		{"hostsetup/setup", []string{"hostsetup/doctor", "hostsetup/daemonjson", "hostsetup/find", host, policy, "templates"}},
		{"hostsetup/setup/apply", []string{"hostsetup/setup", "hostsetup/daemonjson", "hostsetup/setup/journal", "hostsetup/setup/tree", "hostsetup/doctor", host, policy, bounded, "internal/splice"}},
		{"hostsetup/setup/journal", nil},
		{"hostsetup/setup/tree", nil},
		{"hostsetup/setup/tree/treetest", nil},
		{"hostsetup/verify", []string{host, engine, policy, "templates", lines}},
		{"hostsetup/monitor", []string{host, "hostsetup/nvml", engine}},
		{"hostsetup/probe/remote", []string{"hostsetup/probe", host, engine, policy, worker, image}},
		{"hostsetup/probe", []string{host, bounded, "hostsetup/nvml", "hostsetup/daemonjson", policy}},
		{"hostsetup/doctor", []string{host, "hostsetup/daemonjson", "hostsetup/find", policy}},
		{"hostsetup/nvml", []string{host, policy}},
		{"hostsetup/cuda", []string{host, lines}},
		{"hostsetup/daemonjson", []string{policy, "internal/splice"}},
		{"hostsetup/find", []string{host}},
		{"hostsetup/host", nil},

		{"internal/engine", []string{host, policy, bounded}},
		{"internal/splice", nil},
		{bounded, nil},
		{"internal/fixture", nil},
		{"internal/nearest", nil},
		{"internal/policy", nil},
		{"internal/version", nil},
		{worker, nil},
		{image, []string{policy}},
		{lines, nil},
		{"templates", nil},
	}
}

// A Ban keeps packages from outside away from rooms.
type Ban struct {
	Imports []string // import paths, each with all below it; "=PATH" is that one alone
	From    []string // rooms; all of them if empty
	Except  []string // rooms that may
	Through bool     // also where a room of the module lies between
	Why     string
}

// Bans are what no room may import, or only one.
func Bans() []Ban {
	return []Ban{
		{
			Imports: []string{"github.com/spf13/cobra", "github.com/spf13/pflag"},
			Except:  []string{"plugin"},
			Why:     "only plugin knows the command line",
		}, {
			Imports: []string{"github.com/NVIDIA/go-nvml"},
			Except:  []string{"hostsetup/nvml"},
			Why:     "go-nvml takes cgo and Linux; hostsetup/nvml has a stub beside it",
		}, {
			Imports: []string{"=internal/worker"},
			From:    []string{"cmd/gpu-worker", "cmd/gpu-probe"},
			Through: true,
			Why:     "a program must not carry itself",
		}, {
			Imports: []string{"github.com/ebitengine/purego"},
			Except:  []string{"hostsetup/cuda"},
			Why:     "only the worker loads CUDA",
		}, {
			Imports: []string{"github.com/moby/moby/client", "github.com/docker/docker", "github.com/docker/cli", "github.com/docker/buildx",
				"=github.com/moby/buildkit/client", "os/exec", "net/http"},
			From: []string{"buildkit/spec", "buildkit/resolve", "buildkit/lock", "buildkit/graph", "buildkit/verify",
				"hostsetup/host", "hostsetup/find", "hostsetup/doctor", "hostsetup/setup", "hostsetup/daemonjson", "composegen", "internal/policy", "templates"},
			Through: true,
			Why:     "these rooms are pure: no engine, no programs, no network",
		},
	}
}

// Heavy are packages whose init takes milliseconds, or that add megabytes: the
// plugin is started twice for every command.
func Heavy() []string {
	return []string{
		"github.com/santhosh-tekuri/jsonschema",
		"github.com/xeipuuv/gojsonschema",
		"k8s.io/client-go",
	}
}
