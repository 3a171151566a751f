package setup

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// What cannot be had is refused with what can.
func TestRefusals(t *testing.T) {
	sums := map[string]string{ctk: string(make([]byte, 64)), cdiHook: string(make([]byte, 64))}
	for name, c := range map[string]struct {
		host   string
		wishes Wishes
		want   string
	}{
		"another machine": {"remote", Wishes{},
			`setup sets up the machine that it runs on, and the engine of context "far" is not on it: run docker-gpu setup there`},
		"a part": {"ubuntu2404-all-right", Wishes{Only: []Part{"drivers"}},
			`"drivers" is no part of a setup: they are driver, docker, toolkit, runtime, swarm, hooks, hold`},
		"packages of nobody": {"ubuntu2404-all-right", Wishes{DockerFrom: "snap"},
			`no Docker comes from "snap": it is "docker" for Docker's own packages or "distro" for the distribution's`},
		"a toolkit": {"ubuntu2404-all-right", Wishes{ToolkitVersion: "latest"}, `"latest" is no version of the toolkit: they look like 1.20.1`},
		"two toolkits": {"ubuntu2404-all-right", Wishes{ToolkitPath: "/a", Offline: "/b"},
			"the toolkit comes either as programs from /a or as packages from /b: name one"},
		"a version of programs": {"ubuntu2404-all-right", Wishes{ToolkitPath: "/a", ToolkitVersion: "1.20.1"},
			"the programs in /a have the version that they have: leave out 1.20.1"},
		"an unknown branch": {"ubuntu2404-server-h100", Wishes{DriverBranch: "600"},
			`driver branch "600" is none that is known: take 620 (LTS, until 2029-09-30) or 615 (new feature) or 595 (production, until 2027-03-31) or 580 (LTS, until 2028-06-30)`},
		"an ended branch": {"ubuntu2404-server-h100", Wishes{DriverBranch: "570"},
			"driver branch 570 gets no more fixes since 2026-02-28: take 620 (LTS, until 2029-09-30) or 615 (new feature) or 595 (production, until 2027-03-31) or 580 (LTS, until 2028-06-30)"},
		"a branch that ended on no known day": {"ubuntu2404-server-h100", Wishes{DriverBranch: "590"},
			"driver branch 590 gets no more fixes: take 620 (LTS, until 2029-09-30) or 615 (new feature) or 595 (production, until 2027-03-31) or 580 (LTS, until 2028-06-30)"},
		"a branch too new for the GPUs": {"ubuntu2204-server-p40", Wishes{DriverBranch: "595"},
			"driver branch 595 drives Turing GPUs and newer, and this machine has Pascal: take 580 (LTS, until 2028-06-30)"},
		"a branch for GPUs of two ages": {"ubuntu2404-mixed-pascal-blackwell", Wishes{DriverBranch: "580"},
			"no maintained driver works for Pascal and Blackwell GPUs in one machine: take one kind out, or hand it to a virtual machine (vfio-pci)"},
		"a branch that Ubuntu has not": {"ubuntu2404-server-h100", Wishes{DriverBranch: "620"},
			"driver branch 620 cannot be had: the archive of Ubuntu has the branches 595 and 580, and not 620"},
		"a branch on SUSE": {"sles15-server", Wishes{DriverBranch: "580"},
			"driver branch 580 cannot be had: on sles 15.7 setup installs the newest branch with open kernel modules only: install branch 580 with open modules as the driver installation guide says"},
		"a branch in WSL": {"wsl2-ubuntu2404", Wishes{DriverBranch: "580"},
			"driver branch 580 cannot be had: Windows brings the driver; WSL takes none of its own"},
		"a branch in a container": {"container-h200-private-engine", Wishes{DriverBranch: "595"},
			"driver branch 595 cannot be had: this is a container (docker); driver 580.95.05 is its host's"},
		"a branch over a .run file": {"ubuntu2404-runfile", Wishes{DriverBranch: "595"},
			"driver branch 595 cannot be had: the driver 580.95.05 was installed from a .run file, and packages over it break both: keep it up to date that way, or `nvidia-uninstall`, restart the machine, and run this again"},
		"a branch over another origin": {"fedora44-rpmfusion", Wishes{DriverBranch: "580"},
			"driver branch 580 cannot be had: the driver's packages are from RPM Fusion (akmod-nvidia), and setup installs from NVIDIA's repository and Ubuntu's archive, never over others: change the driver with the tools of RPM Fusion, or remove its packages first"},
		"a branch among two origins": {"ubuntu2404-two-origins", Wishes{DriverBranch: "595"},
			"driver branch 595 cannot be had: the driver's packages are of two origins, which break each other at the next upgrade (NVIDIA's repository: nvidia-open; Ubuntu's archive: libnvidia-compute-580-server): remove those of one"},
		"a branch without a GPU": {"ubuntu2404-no-gpu", Wishes{DriverBranch: "580"},
			"driver branch 580 cannot be had: there is no NVIDIA GPU on the bus, so a driver would have nothing to drive"},
		"a branch for virtual machines": {"ubuntu2404-all-vfio", Wishes{DriverBranch: "580"},
			"driver branch 580 cannot be had: all GPUs are handed to virtual machines (vfio-pci): the driver belongs into those"},
		"a branch on a system without packages": {"arch-h100", Wishes{DriverBranch: "580"},
			"driver branch 580 cannot be had: setup has no packages of the driver for arch: install branch 580 with open kernel modules as your distribution says"},
		"Docker's own on SUSE": {"sles15-server", Wishes{DockerFrom: "docker"},
			"there are no packages of Docker's own for sles 15.7: --docker=distro takes the distribution's (docker)"},
		"Red Hat's Docker": {"rhel9-server", Wishes{DockerFrom: "distro"}, "rhel 9.6 has no packages of Docker: --docker=docker takes Docker's own"},
		"older packages": {"ubuntu2404-all-right", Wishes{DockerFrom: "distro"},
			"packages of Docker itself are installed (docker-ce 5:29.4.0-1), and setup does not put older ones of the distribution in their place: remove them first"},
		"packages over a snap": {"ubuntu2404-snap", Wishes{DockerFrom: "docker"},
			"as asked for, Docker cannot be installed: Docker is installed as a snap, which keeps it from the toolkit: `snap remove docker` (its containers and volumes go with it), then run this again"},
		"Docker in a container": {"container-without-driver", Wishes{DockerFrom: "docker"}, "this is a container (lxc): Docker belongs onto its host"},
		"Docker on a system without packages": {"arch-h100", Wishes{DockerFrom: "docker"},
			"setup has no packages of Docker for arch: see https://docs.docker.com/engine/install/"},
		"a toolkit on a system without packages": {"arch-h100", Wishes{ToolkitVersion: "1.20.1"},
			"setup has no packages of the toolkit for arch: install it as https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html says, or name its programs by --toolkit-path"},
		"programs over packages": {"ubuntu2404-all-right", Wishes{ToolkitPath: "/opt/toolkit", ToolkitSums: sums},
			"the toolkit 1.20.1 is installed as packages, and programs of /opt/toolkit beside it would hide them: leave out --toolkit-path, or remove the packages first"},
		"a folder without programs": {"container-h200-private-engine", Wishes{ToolkitPath: "/opt/toolkit"},
			"/opt/toolkit has no nvidia-ctk and nvidia-cdi-hook: name a folder that holds the toolkit's programs"},
	} {
		t.Run(name, func(t *testing.T) {
			plan, err := Make(recorded(t, c.host), c.wishes, plannedAt())
			assert.Error(t, err, c.want)
			assert.Assert(t, plan == nil)
		})
	}
}

// Without a wish that names it, the same is left to the user and the rest is planned.
func TestWhatIsLeftIsNoError(t *testing.T) {
	for name, want := range map[string]string{
		"ubuntu2404-mixed-pascal-blackwell": "take one kind out",
		"ubuntu2404-kepler":                 "no maintained driver knows Kepler GPUs any more",
		"arch-h100":                         "install branch 580 with open kernel modules as your distribution says",
		"ubuntu2404-runfile":                "nvidia-uninstall",
		"wsl2-linux-driver":                 "remove the packages nvidia-utils-580",
		"ubuntu2404-two-origins":            "remove those of one",
		"ubuntu2404-kubernetes-node":        "maybe by Kubernetes",
		"ubuntu2404-snap":                   "snap remove docker",
		"ubuntu2404-podman":                 "podman run --device nvidia.com/gpu=all",
		"ubuntu2404-desktop":                "is left alone",
		"ubuntu2404-daemon-json-broken":     "mend it first",
		"debian12-server-secureboot":        "mokutil --import /var/lib/dkms/mok.pub",
	} {
		t.Run(name, func(t *testing.T) {
			plan, err := Make(recorded(t, name), Wishes{}, plannedAt())
			assert.NilError(t, err)
			assertLeft(t, plan, want)
		})
	}
}

// A machine of which not all could be seen has nothing installed over what is not known.
func TestNothingOverWhatIsNotKnown(t *testing.T) {
	h := recorded(t, "ubuntu2404-server-h100")
	h.Unread = map[string]string{"packages": "dpkg's list of packages: \x1b[31mpermission denied"}
	plan, err := Make(h, Wishes{}, plannedAt())
	assert.NilError(t, err)
	assert.Equal(t, len(plan.Steps), 0)
	assertLeft(t, plan, "dpkg's list of packages: [31mpermission denied")

	h = recorded(t, "ubuntu2204-docker25-idle")
	h.Engine.ConfigFile = "/etc/docker/daemon.json"
	h.Unread = map[string]string{"dockerd": "/etc/docker/daemon.json: permission denied"}
	plan, err = Make(h, Wishes{}, plannedAt())
	assert.NilError(t, err)
	for _, s := range plan.Steps {
		assert.Assert(t, s.Op.Daemon == nil && (s.Op.Unit == nil || s.Op.Unit.Name != "docker.service"), s.ID)
	}
	assertLeft(t, plan, "plan as one who may read it")
}

// Keys that dockerd's command line sets are not set a second time: it would not start.
func TestFlagsOfDockerd(t *testing.T) {
	h := recorded(t, "ubuntu2404-swarm-manager")
	h.Engine.Args = append(h.Engine.Args, "--default-runtime=runc")
	plan, err := Make(h, Wishes{Swarm: true, AllowRestart: true}, plannedAt())
	assert.NilError(t, err)
	for _, s := range plan.Steps {
		assert.Assert(t, s.Op.Daemon == nil, s.ID)
	}
	assertLeft(t, plan, "dockerd's command line sets --default-runtime")
}

// What a machine says becomes part of no operation that it could lead astray.
func TestHostileMachines(t *testing.T) {
	h := recorded(t, "ubuntu2404-server-h100")
	h.Kernel.Release, h.Kernel.NextBoot = "6.8.0-87-generic; rm -rf /", "../../etc"
	plan, err := Make(h, Wishes{}, plannedAt())
	assert.NilError(t, err)
	for _, s := range plan.Steps {
		if s.Op.Packages != nil {
			for _, q := range s.Op.Packages.Install {
				assert.Assert(t, plainPackage.MatchString(q.Name), q.Name)
			}
		}
	}

	h = recorded(t, "ubuntu2404-spec-leftovers")
	for i := range h.CDI.Specs[1:] {
		h.CDI.Specs[i+1].Path = "/var/run/cdi/../../etc/passwd.yaml\x1b[2J"
	}
	plan, err = Make(h, Wishes{}, plannedAt())
	assert.NilError(t, err)
	assert.Equal(t, len(plan.Steps), 0)

	h = recorded(t, "ubuntu2404-swarm-manager")
	h.GPUs[0].UUID = `GPU-"],"hosts":["tcp://0.0.0.0"]`
	plan, err = Make(h, Wishes{Swarm: true, AllowRestart: true}, plannedAt())
	assert.NilError(t, err)
	assertLeft(t, plan, "1 of the 1 GPUs have no UUID that can be offered")

	h = recorded(t, "ubuntu2404-old-sources")
	h.Toolkit.Repositories[0].File = "/etc/apt/sources.list.d/../../nvidia/shadow"
	plan, err = Make(h, Wishes{}, plannedAt())
	assert.NilError(t, err)
	assertLeft(t, plan, "/etc/apt/sources.list.d/../../nvidia/shadow: it names a repository that NVIDIA gave up")
	for _, s := range plan.Steps {
		assert.Assert(t, s.Op.File == nil || plainPath.MatchString(s.Op.File.Path), s.ID)
	}

	h = recorded(t, "ubuntu2404-all-right")
	h.Engine.Version, h.Toolkit.Version, h.Driver.Version = "29\u202e.4\x07", "1.20\x1b]0;x\x07.1", "580\n.95"
	h.Engine.Error = "\x1b[2J"
	plan, err = Make(h, Wishes{}, plannedAt())
	assert.NilError(t, err)
	texts(t, plan)
}

// texts asserts that no word of a plan steers a terminal.
func texts(t *testing.T, plan *Plan) {
	t.Helper()
	for _, n := range append(plan.Right, plan.Left...) {
		assert.Equal(t, n.Text, tidy(n.Text))
	}
	for _, s := range plan.Steps {
		for _, text := range []string{s.Title, s.Why, s.Undo} {
			assert.Equal(t, text, tidy(text), s.ID)
		}
	}
}

func assertLeft(t *testing.T, plan *Plan, want string) {
	t.Helper()
	var all []string
	for _, n := range plan.Left {
		if strings.Contains(n.Text, want) {
			return
		}
		all = append(all, n.Text)
	}
	t.Fatalf("nothing left says %q: %q", want, all)
}
