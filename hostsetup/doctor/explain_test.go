package doctor

import (
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func first(answers []Answer) string {
	if len(answers) == 0 {
		return ""
	}
	if answers[0].Near {
		return "near " + answers[0].Code
	}
	return answers[0].Code
}

// The texts are as programs print them; without a host the longest match counts.
func TestTextsAreKnown(t *testing.T) {
	for text, want := range map[string]string{
		`docker: Error response from daemon: unknown or invalid runtime name: nvidia`:                                                                                                 "C005",
		`unable to configure the Docker daemon with file /etc/docker/daemon.json: invalid character '}' looking for beginning of object key string`:                                   "C006",
		`exec: "nvidia-container-runtime": executable file not found in $PATH: unknown`:                                                                                               "C007",
		`nvidia-container-cli: initialization error: load library failed: libnvidia-ml.so.1: cannot open shared object file: no such file or directory`:                               "C008",
		`mount error: failed to add device rules: unable to find any existing device filters: bpf_prog_query(BPF_CGROUP_DEVICE) failed`:                                               "C009",
		`Failed to initialize NVML: Insufficient Permissions`:                                                                                                                         "C011",
		`nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.8, please update your driver to a newer version`:                                                    "C012",
		`RuntimeError: CUDA driver version is insufficient for CUDA runtime version`:                                                                                                  "C013",
		`RuntimeError: CUDA error: no kernel image is available for execution on the device`:                                                                                          "C014",
		`CUDA error: the provided PTX was compiled with an unsupported toolchain.`:                                                                                                    "C015",
		`could not select device driver "cdi" with capabilities: []`:                                                                                                                  "C017",
		`CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=all`:                                                                                                    "C018",
		`failed to fulfil mount request: open /usr/lib/x86_64-linux-gnu/libEGL_nvidia.so.535.161.07: no such file or directory`:                                                       "C019",
		`error stat'ing file /usr/lib/x86_64-linux-gnu/libEGL_nvidia.so.535.161.07: no such file or directory`:                                                                        "C019",
		`json: unknown field "additionalGids"`:                                                                                                                                        "C020",
		`E: Conflicting values set for option Signed-By regarding source https://nvidia.github.io/libnvidia-container/stable/deb/amd64/`:                                              "C024",
		`The following signatures couldn't be verified because the public key is not available: NO_PUBKEY A4B469963BF863CC`:                                                           "C025",
		`nvidia-container-cli: initialization error: WSL environment detected but no adapters were found: unknown`:                                                                    "C027",
		`mount error: file creation failed: /var/lib/docker/overlay2/x/merged/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1: file exists`:                                                "C028",
		`RuntimeError: DataLoader worker (pid 9) is killed by signal: Bus error. It is possible that dataloader's workers are out of shared memory. insufficient shared memory (shm)`: "C030",
		`groups: cannot find name for group ID 993`:                                                                                                                                   "C035",
		`unresolvable CDI devices runtime.nvidia.com/gpu=all`:                                                                                                                         "C041",
		`Cannot connect to the Docker daemon at unix:///var/run/docker.sock.`:                                                                                                         "C050",
		`exec /usr/bin/python3: exec format error`:                                                                                                                                    "C070",
		`unsatisfied condition: cuda>=13.0, please update your driver to a newer version, or use an earlier cuda container: unknown`:                                                  "C012",
		`docker: Error response from daemon: could not select device driver "nvidia" with capabilities: [[gpu]].`:                                                                     "C001",
		`could not select device driver "" with capabilities: [[gpu]]`:                                                                                                                "C001",
		`Failed to initialize NVML: Unknown Error`:                                                                                                                                    "C010",
		`RuntimeError: Unexpected error from cudaGetDeviceCount(). Error 999: CUDA unknown error - this may be due to an incorrectly set up environment`:                              "C016",
		`libcontainer: oci-nvidia-hook.json`:                                                                                                                                          "C022",
		`NCCL WARN Call to ibv_reg_mr failed with error Cannot allocate memory`:                                                                                                       "C031",
		`failed to create symlinks: bad file descriptor`:                                                                                                                              "C033",
		`CVE-2025-23266 (NVIDIAScape)`: "C034",
		`OCI runtime create failed: exec: "nvidia-smi": executable file not found in $PATH: unknown`:           "C038",
		`permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock`: "C039",
		`nvidia-docker: command not found`:                                                                                      "C042",
		`NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.`:                                         "G001",
		`nvidia-container-cli: initialization error: nvml error: driver not loaded`:                                             "G001",
		`Failed to initialize NVML: Driver/library version mismatch`:                                                            "G002",
		`nvidia-container-cli: initialization error: nvml error: driver/library version mismatch: unknown`:                      "G002",
		`Module build for kernel 6.8.0-60 was skipped since the kernel headers for this kernel do not seem to be installed.`:    "G003",
		`NVRM: The NVIDIA probe routine was not called for 1 device(s).`:                                                        "G004",
		`modprobe: ERROR: could not insert 'nvidia': Key was rejected by service`:                                               "G005",
		`Loading of module with unavailable key is rejected`:                                                                    "G005",
		`NVRM: GPU 0000:01:00.0: RmInitAdapter failed! (0x22:0x56:884)`:                                                         "G006",
		`pci 0000:01:00.0: BAR 1 [mem size 0x800000000 64bit pref]: can't assign; no space`:                                     "G007",
		`NVRM: The NVIDIA GeForce GTX 1080 GPU installed in this system is supported through the NVIDIA 580.xx Legacy drivers.`: "G008",
		`cuInit failed: 3 (CUDA_ERROR_NOT_INITIALIZED)`:                                                                         "G009",
		`RuntimeError: CUDA error: system not yet initialized`:                                                                  "G010",
		`fabric manager: failed to start: NV_WARN_NOTHING_TO_DO`:                                                                "G011",
		`Unable to determine the device handle for GPU 0000:C3:00.0: Unknown Error`:                                             "G012",
		`NVRM: Xid (PCI:0000:01:00): 79, pid=7, GPU has fallen off the bus.`:                                                    "G012",
		`NVRM: Xid (PCI:0000:01:00): 119, pid=2210, name=python, Timeout after 6s of waiting for RPC response from GPU0 GSP!`:   "G013",
		`| N/A  31C  P0 | Persistence-M: Off`:                                                                                   "G015",
		`WARNING: infoROM is corrupted at gpu 0000:65:00.0`:                                                                     "G017",
		`NVRM: Xid (PCI:0000:01:00): 54, pid=0, Auxiliary power is not connected`:                                               "G018",
		`INFO: task nvidia-smi:4242 blocked for more than 122 seconds.`:                                                         "G019",
		`NVRM: Xid (PCI:0000:1b:00): 63, pid=1896, Row Remapper: New row marked for remapping, reset gpu to activate.`:          "H001",
		`RuntimeError: CUDA error: uncorrectable ECC error encountered`:                                                         "H002",
		`HW Thermal Slowdown : Active`:                                                                                          "H004",
		`RuntimeError: CUDA error: all CUDA-capable devices are busy or unavailable`:                                            "H013",
		`NVRM: Xid (PCI:0000:01:00): 31, pid=4242, name=python, Ch 00000010, intr 00000000. MMU Fault`:                          "H015",
		// As terminals, logs and people change them.
		"CDI device injec\ntion failed: unresolvable CDI dev\nices nvidia.com/gpu=all": "C018",
		`{"msg":"could not select device driver \"cdi\" with capabilities: []"}`:       "C017",
		"\x1b[31mFAILED TO INITIALIZE NVML:\x1b[0m   insufficient\tpermissions":        "C011",
		`{"error":"json: unknown field \"additionalGids\""}`:                           "C020",
		// What nobody knows.
		"":                                    "",
		"the cat sat on the mat":              "",
		strings.Repeat("\x00\xff\x1b[", 1000): "",
	} {
		assert.Equal(t, first(Explain(text, nil, judgedAt())), want, text)
	}
}

// Where several causes give one text, what most reports of it come to is first, what
// takes a host of a special kind last.
func TestTheCommonestCauseComesFirst(t *testing.T) {
	for text, want := range map[string]string{
		`could not select device driver "" with capabilities: [[gpu]]`:       "C001 C036 C002 C003 C004",
		`could not select device driver "nvidia" with capabilities: [[gpu]]`: "C001 C036 C002 C003 C004",
		`failed to discover GPU vendor from CDI: no known GPU vendor found`:  "C001 C018",
		`Failed to initialize NVML: Unknown Error`:                           "C010 C058",
		`Failed to initialize NVML: Insufficient Permissions`:                "C011 G016", // the longer match is the closer one
		`No devices were found`: "G006 G014 G007",
		`modprobe: FATAL: Module nvidia not found in directory /lib/modules/6.8.0-88-generic`: "G001",
	} {
		for _, h := range []*host.Host{nil, recorded(t, "healthy-docker29-cdi")} { // nothing of it is seen there
			var got []string
			for _, a := range Explain(text, h, judgedAt()) {
				got = append(got, a.Code)
			}
			assert.Equal(t, strings.Join(got, " "), want, text)
		}
	}
}

func TestTheHostDecidesBetweenCauses(t *testing.T) {
	const text = `docker: Error response from daemon: could not select device driver "" with capabilities: [[gpu]].`
	for name, want := range map[string]string{
		"broken-toolkit-missing": "C001", "broken-docker-not-restarted": "C001", "broken-desktop-linux": "C002", "broken-snap": "C003", "broken-podman": "C004", "broken-path-of-dockerd": "C036",
	} {
		answers := Explain(text, recorded(t, name), judgedAt())
		assert.Equal(t, first(answers), want, name)
		assert.Assert(t, answers[0].Found && strings.HasPrefix(answers[0].Host, "on this host: "), answers[0].Host)
		assert.Assert(t, len(answers[0].Fixes) > 0, name)
		assert.Assert(t, strings.Contains(answers[0].Matched, `device driver "" with`), answers[0].Matched)
	}
	for _, a := range Explain(text, recorded(t, "healthy-docker29-cdi"), judgedAt()) {
		assert.Assert(t, !a.Found, a.Code)
		assert.Equal(t, a.Host, "on this host nothing of it is seen now")
		assert.Assert(t, a.Remedy != "", a.Code)
	}
	// Hidden behind a cause of another group: the cause is told.
	h := recorded(t, "healthy-docker29-cdi")
	h.Driver = host.Driver{}
	answers := Explain(text, h, judgedAt())
	assert.Equal(t, answers[0].Code, "C001")
	assert.Assert(t, strings.HasPrefix(answers[0].Host, "on this host it may follow from G001"), answers[0].Host)
}

func TestSomethingLikeIt(t *testing.T) {
	answers := Explain("unresolvable devices while parsing CDI injection", nil, judgedAt())
	assert.Assert(t, len(answers) > 0 && answers[0].Near && answers[0].Matched == "", "%+v", answers)
	assert.Equal(t, answers[0].Code, "C018")
	assert.Assert(t, len(answers) <= mostNear)
}

func TestALongLog(t *testing.T) {
	line := "2026-11-24T10:00:00Z level=info msg=\"nothing of note happened to container 0123456789abcdef\" \n"
	log := strings.Repeat(line, (1<<20)/len(line)) + "unknown or invalid runtime name: nvidia\n" + strings.Repeat(line, 100)
	start := time.Now()
	assert.Equal(t, first(Explain(log, recorded(t, "broken-runtime-not-reloaded"), judgedAt())), "C005")
	took := time.Since(start)
	t.Logf("1 MB in %v", took)
	assert.Assert(t, took < time.Minute, "%v", took)
	// What is too long is read from its end.
	assert.Equal(t, first(Explain(strings.Repeat("x", mostText)+" unknown or invalid runtime name: nvidia", nil, judgedAt())), "C005")
}

func TestWhatWasFoundStandsAsInTheText(t *testing.T) {
	for _, c := range []struct{ text, symptom, want string }{
		{"a  Foo \"Bar\"\tbaz b", "foo bar BAZ", `Foo "Bar" baz`},
		{strings.Repeat("é ", 500) + "foo bar", "foo bar", "foo bar"},
		{"\x1b[1mfo\x1b[0mo b\x07ar", "foo bar", "foo bar"},
		{"x foo 12 bar", "re:foo [0-9]+ bar", "foo 12 bar"},
		{"foobaz", "foo bar", ""},
	} {
		got, n := fold(c.text).find([]string{c.symptom})
		assert.Equal(t, strings.ReplaceAll(got, "\a", ""), c.want)
		assert.Equal(t, n > 0, c.want != "")
	}
}
