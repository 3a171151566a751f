package doctor

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// safeCommands are all that `doctor --fix` may run by itself, by code: each is named in
// the reference or in the manual beside it, restarts nothing, and loses nothing.
func safeCommands() map[string]string {
	const spec, makes = `nvidia-ctk cdi generate --output=\S+`, `mkdir -p \S+`
	const keeps, aside = `cp -a -- \S+ \S+\.before`, `mv -- \S+ \S+\.aside`
	return map[string]string{
		"C001": makes + `|` + spec,
		"C004": makes + `|` + spec,
		"C010": makes + `|` + spec,
		"C016": keeps + `|` + spec + `|` + aside,
		"C018": makes + `|` + keeps + `|` + spec,
		"C019": keeps + `|` + spec + `|` + aside,
		"C020": keeps + `|` + spec + ` --feature-flag=no-additional-gids-for-device-nodes`,
		"C021": keeps + `|` + spec,
		"C022": aside,
		"C024": aside,
		"C041": `nvidia-modprobe( -c \d+)+|nvidia-modprobe -u -c 0`,
		"C051": keeps + `|` + spec + `|` + aside,
		"C052": aside,
		"C053": keeps + `|` + spec,
		"C054": keeps + `|` + spec + `|` + aside,
		"C055": keeps + `|` + spec + `|` + aside,
		"C059": `docker start -- .+`,
		"C068": `systemctl (restart nvidia-cdi-refresh\.service|enable --now nvidia-cdi-refresh\.path nvidia-cdi-refresh\.service)`,
		"G001": `modprobe nvidia`,
		"G010": `systemctl enable --now nvidia-fabricmanager`,
		"G011": `systemctl disable --now nvidia-fabricmanager`,
		"G015": `nvidia-smi -pm 1|systemctl enable --now nvidia-persistenced`,
		"G021": `nvidia-modprobe( -c \d+)+|nvidia-modprobe -u -c 0`,
		"G022": `(apt-mark hold|dnf versionlock add|zypper addlock) [A-Za-z0-9 .+_-]+`,
	}
}

// illHosts are all hosts of this package's tests on which something is found: each
// recording, and each ailment.
func illHosts(t *testing.T) map[string]*host.Host {
	out := map[string]*host.Host{}
	for _, name := range everyRecording(t) {
		out[name] = recorded(t, name)
	}
	for code, a := range ailments() {
		of := a.of
		if of == "" {
			of = "healthy-docker29-cdi"
		}
		h := recorded(t, of)
		a.make(h)
		out["ailment "+code] = h
	}
	late := recorded(t, "broken-docker-not-restarted")
	late.CDI.Specs, late.Engine.CDIDevices = nil, nil
	out["a toolkit that Docker does not know yet, and no spec"] = late
	for code, a := range driverAilments() {
		out["ailment "+code] = recording(t, "healthy-"+a.base, a.spoil)
	}
	return out
}

// driverAilments are hosts on which each check of the driver that may mend something by
// itself finds it.
func driverAilments() map[string]sick {
	return map[string]sick{
		"G001": {"", "workstation", unload},
		"G010": {"", "dgx-h100", func(h *host.Host) { h.Units[3].Active = "inactive" }},
		"G011": {"", "mig-a100", func(h *host.Host) {
			h.Units = append(h.Units, host.Unit{Name: "nvidia-fabricmanager.service", Active: "failed"})
		}},
		"G015": {"", "mig-a100", func(h *host.Host) { h.GPUs[0].Persistence = new(bool) }},
		"G021": {"", "dgx-h100", func(h *host.Host) { h.Nodes = h.Nodes[:2] }},
		"G022": {"", "workstation", func(h *host.Host) { h.Packages[0].Held = true }},
	}
}

func TestOnlyWhatIsKnownToBeSafeIsDoneUnasked(t *testing.T) {
	safe := safeCommands()
	seen := map[string]bool{}
	for name, h := range illHosts(t) {
		for _, f := range Examine(h, unhidden(), judgedAt()).Findings {
			for _, x := range f.Fixes {
				if !x.Safe {
					continue
				}
				assert.Assert(t, safe[f.Code] != "", "%s: %s is said to be safe and nobody looked: %v", name, f.Code, x.Argv)
				allowed := regexp.MustCompile(`^(` + safe[f.Code] + `)$`)
				for _, argv := range x.Argv {
					assert.Assert(t, allowed.MatchString(strings.Join(argv, " ")), "%s: %s: %q", name, f.Code, argv)
				}
				assert.Assert(t, x.Disruption == None || x.Disruption == Reload, "%s: %s", name, f.Code)
				seen[f.Code] = true
			}
		}
	}
	for _, code := range slices.Sorted(maps.Keys(safe)) {
		if !seen[code] {
			t.Errorf("nothing of %s was seen to be safe: is it still?", code)
		}
	}
}

// What is undone is what was done: a file that was moved comes back from where it went,
// a unit, a package and a setting return to what they were.
func TestUndoingTakesBackWhatWasDone(t *testing.T) {
	opposite := map[string]string{"enable": "disable", "disable": "enable", "install": "remove", "remove": "install", "hold": "unhold", "add": "delete", "addlock": "removelock", "start": "stop", "bind": "unbind", "load": "unload"}
	for name, h := range illHosts(t) {
		for _, f := range Examine(h, unhidden(), judgedAt()).Findings {
			for _, x := range f.Fixes {
				if len(x.Undo) == 0 {
					continue
				}
				done, undone := commands(x.Argv), commands(x.Undo)
				assert.Assert(t, done != undone, "%s: %s is undone by being done again: %s", name, f.Code, done)
				for _, argv := range x.Argv {
					what := strings.Join(argv, " ")
					switch {
					case argv[0] == "mv":
						assert.Assert(t, strings.Contains(undone, fmt.Sprintf("mv -- %s %s", argv[3], argv[2])), "%s: %s: %s\n%s", name, f.Code, what, undone)
					case argv[0] == "cp":
						assert.Assert(t, strings.Contains(undone, fmt.Sprintf("mv -- %s %s", argv[4], argv[3])), "%s: %s: %s\n%s", name, f.Code, what, undone)
					case argv[0] == "systemctl" && opposite[argv[1]] != "":
						assert.Assert(t, strings.Contains(undone, "systemctl "+opposite[argv[1]]), "%s: %s: %s\n%s", name, f.Code, what, undone)
					case argv[0] == "docker" && argv[1] == "start":
						assert.Assert(t, strings.Contains(undone, "docker stop"), "%s: %s: %s\n%s", name, f.Code, what, undone)
					case argv[0] == "nvidia-ctk" && slices.Contains(argv, "--in-place"):
						key, _, _ := strings.Cut(argv[len(argv)-1], "=")
						assert.Assert(t, strings.Contains(undone, key), "%s: %s: %s\n%s", name, f.Code, what, undone)
					}
				}
			}
		}
	}
}

// A command that goes through a shell holds nothing of the machine's but what was
// looked at: all such lines are listed here.
func TestLinesOfShell(t *testing.T) {
	allowed := regexp.MustCompile(`^(` + strings.Join([]string{
		`printf 'blacklist (nouveau|nova|nova_core)\\noptions (nouveau|nova|nova_core) modeset=0\\n' > /etc/modprobe\.d/docker-gpu-nouveau\.conf`,
		`echo 'options nvidia_uvm uvm_disable_hmm=1' > /etc/modprobe\.d/docker-gpu-hmm\.conf`,
		`echo 'options nvidia NVreg_EnableGpuFirmware=0' > /etc/modprobe\.d/docker-gpu-gsp\.conf`,
		`echo [0-9a-fA-F:.]+ > /sys/bus/pci/drivers/nvidia/(un)?bind`,
		`fuser -v /dev/nvidia\*`,
	}, "|") + `)$`)
	for name, h := range illHosts(t) {
		for _, f := range Examine(h, unhidden(), judgedAt()).Findings {
			for _, x := range f.Fixes {
				for _, argv := range slices.Concat(x.Argv, x.Undo) {
					if argv[0] == "sh" {
						assert.Assert(t, len(argv) == 3 && argv[1] == "-c" && allowed.MatchString(argv[2]), "%s: %s: %q", name, f.Code, argv)
					}
				}
			}
		}
	}
}

// What needs root says so, and what does not, does not.
func TestRootIsAskedForWhereItIsNeeded(t *testing.T) {
	needs := []string{"apt-get", "dnf", "yum", "zypper", "modprobe", "nvidia-modprobe", "apt-mark", "setsebool", "setpci", "mokutil", "dkms", "dpkg", "grubby", "update-initramfs", "dracut", "chmod"}
	for name, h := range illHosts(t) {
		for _, f := range Examine(h, unhidden(), judgedAt()).Findings {
			for _, x := range f.Fixes {
				for _, argv := range x.Argv {
					if slices.Contains(needs, argv[0]) || argv[0] == "systemctl" && !slices.Contains(argv, "--user") {
						assert.Assert(t, x.Root, "%s: %s: %v needs root", name, f.Code, argv)
					}
					if argv[0] == "docker" || slices.Contains(argv, "--user") {
						assert.Assert(t, !x.Root, "%s: %s: %v needs no root", name, f.Code, argv)
					}
				}
			}
		}
	}
}
