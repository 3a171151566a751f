package doctor

import (
	"fmt"
	"strings"
	"time"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
	"github.com/dockergpu/docker-gpu/internal/policy"
)

// settingChecks ask about what the engine gives containers by default, and about the CLI.
func settingChecks() []Check {
	return []Check{
		{
			Code: "C031", Title: "containers may lock memory", Group: Engine, Severity: Note, Needs: []Fact{Docker, NVML}, After: otherDocker(),
			Symptoms: []string{"re:ibv_(reg_mr|create_cq).*Cannot allocate memory", "re:NCCL WARN .*(Cannot allocate memory|memlock)", "re:[Cc]all to ibv_reg_mr.* failed"},
			Cause:    "RDMA and pinned memory count against the memlock limit, 64 KiB to 8 MiB by default. NCCL over InfiniBand then fails.",
			Remedy:   "`--ulimit memlock=-1 --ulimit stack=67108864`, or default-ulimits in daemon.json",
			Link:     "https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/troubleshooting.html", Run: lockedMemory,
		}, {
			Code: "C066", Title: "Docker's errors about GPUs are explained", Group: Engine, Severity: Note,
			Cause:  "The Docker CLI calls a plugin after a command only if its configuration says so.",
			Remedy: "`docker gpu hooks enable`",
			Run:    noHooks,
		},
	}
}

func lockedMemory(h *host.Host, _ time.Time) []Finding {
	if len(h.GPUs) < 2 || h.Limits.Memlock < 0 {
		return nil
	}
	var without []string
	for _, c := range runningOnGPUs(h) {
		const enough = 1 << 30 // what is set on purpose is far above the defaults
		if c.Memlock >= 0 && c.Memlock < enough && (len(c.GPUs) > 1 || len(c.GPUs) == 1 && (c.GPUs[0] == "all" || strings.HasSuffix(c.GPUs[0], "=all"))) {
			without = append(without, c.Name)
		}
	}
	if len(without) == 0 {
		return nil
	}
	limit := "not set"
	if h.Limits.Memlock > 0 {
		limit = fmt.Sprintf("%d bytes", h.Limits.Memlock)
	}
	return []Finding{{
		Summary:  "containers with several GPUs may lock little memory: " + listed(without),
		Evidence: []Evidence{{"default-ulimits", "memlock " + limit}},
		Fixes:    []Fix{byHand("start them with --ulimit memlock=-1 --ulimit stack=67108864", false, Restart)},
	}}
}

func noHooks(h *host.Host, _ time.Time) []Finding {
	if h.Engine.Client == "" || len(h.Engine.Hooks) > 0 {
		return nil
	}
	f := Finding{
		Summary:  "failing docker commands are not explained: this plugin's hook is off",
		Evidence: []Evidence{{"~/.docker/config.json", "names no hooks of this plugin"}},
		Fixes:    []Fix{{Title: "have them explained", Disruption: None, Argv: [][]string{{"docker", "gpu", "hooks", "enable"}}, Undo: [][]string{{"docker", "gpu", "hooks", "disable"}}}},
	}
	if policy.Compare(h.Engine.Client, policy.ErrorHooks) < 0 {
		f.Evidence = append(f.Evidence, Evidence{"docker --version", shown(h.Engine.Client + ": hooks run after every command")})
	}
	return []Finding{f}
}
