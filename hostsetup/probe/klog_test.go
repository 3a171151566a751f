package probe

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

func read(t *testing.T, lines ...string) *klog {
	t.Helper()
	k := &klog{}
	assert.NilError(t, k.scan(t.Context(), strings.NewReader(strings.Join(lines, "\n"))))
	return k
}

func TestXids(t *testing.T) {
	for name, c := range map[string]struct {
		line string
		pci  string
		code int
	}{
		"of a process": {"NVRM: Xid (PCI:0000:65:00): 31, pid=1234, name=python3, Ch 00000008, intr 00000000. MMU Fault", "0000:65:00.0", 31},
		"old form":     {"NVRM: Xid (0000:0A:00): 13, Graphics Exception", "0000:0a:00.0", 13},
		"function":     {"NVRM: Xid (PCI:0000:c1:00.1): 74, pid='<unknown>', name=<unknown>, NVLink", "0000:c1:00.1", 74},
		"long domain":  {"NVRM: Xid (PCI:00000008:01:00): 119, pid=1, Timeout after 6s of waiting for RPC response from GPU0 GSP!", "0008:01:00.0", 119},
		"NVLink 5":     {"NVRM: Xid (PCI:0018:01:00): 149, NETIR_LINK_EVT  Fatal   XC0 i0 Link 00 (0x004a8f04)", "0018:01:00.0", 149},
		"off the bus":  {"NVRM: Xid (PCI:0000:65:00): 79, pid='<unknown>', GPU has fallen off the bus.", "0000:65:00.0", 79},
		"in one line":  {"NVRM: GPU 0000:65:00.0: GPU has fallen off the bus.", "0000:65:00.0", 79},
		"no address":   {"NVRM: The GPU has fallen off the bus", "", 79},
	} {
		t.Run(name, func(t *testing.T) {
			k := read(t, "[   12.000345] "+c.line)
			assert.DeepEqual(t, k.xids.all(), []host.Xid{{Since: 12*time.Second + 345*time.Microsecond, PCI: c.pci, Code: c.code, Text: c.line}})
			assert.Equal(t, len(k.lines.all()), 0)
		})
	}
}

// The driver tells it in several lines, or several times: it is one event.
func TestFallenOffTheBusInSeveralLines(t *testing.T) {
	k := read(t,
		"[  100.000001] NVRM: The NVIDIA GPU 0000:9b:00.0",
		"[  100.000002] NVRM: (PCI ID: 10de:2330) installed in this system has",
		"[  100.000003] NVRM: fallen off the bus and is not responding to commands.")
	assert.DeepEqual(t, k.xids.all(), []host.Xid{{Since: 100*time.Second + 3*time.Microsecond, PCI: "0000:9b:00.0", Code: 79,
		Text: "NVRM: fallen off the bus and is not responding to commands."}})
	k = read(t,
		"[  100.000001] NVRM: Xid (PCI:0000:9b:00): 79, pid=1, GPU has fallen off the bus.",
		"[  100.000002] NVRM: GPU 0000:9b:00.0: GPU has fallen off the bus.",
		"[  101.000002] NVRM: GPU 0000:9c:00.0: GPU has fallen off the bus.",
		"[ 4000.000002] NVRM: GPU 0000:9c:00.0: GPU has fallen off the bus.")
	var at []string
	for _, x := range k.xids.all() {
		at = append(at, fmt.Sprint(x.PCI, " ", x.Since.Truncate(time.Second)))
	}
	assert.DeepEqual(t, at, []string{"0000:9b:00.0 1m40s", "0000:9c:00.0 1m41s", "0000:9c:00.0 1h6m40s"})
	assert.Equal(t, len(k.lines.all()), 1)
}

func TestLinesOfTheCatalogue(t *testing.T) {
	for line, want := range map[string]bool{
		"NVRM: GPU 0000:01:00.0: RmInitAdapter failed! (0x22:0x56:884)":                                                                  true,
		"NVRM: The NVIDIA GPU 0000:01:00.0 (PCI ID: 10de:2b85) installed in this system requires use of the NVIDIA open kernel modules.": true,
		"nvidia: module verification failed: signature and/or required key missing - tainting kernel":                                    true,
		"Loading of module with unavailable key is rejected":                                                                             true,
		"Lockdown: modprobe: unsigned module loading is restricted; see man kernel_lockdown.7":                                           true,
		"pci 0000:01:00.0: BAR 1 [mem size 0x800000000 64bit pref]: can't assign; no space":                                              true,
		"nvidia-nvswitch0: SXid (PCI:0000:c1:00.0): 12028, Non-fatal, Link 32":                                                           true,
		"nvidia: disagrees about version of symbol module_layout":                                                                        true,
		"nouveau 0000:01:00.0: NVIDIA GA102 (172000a1)":                                                                                  true,
		"NVRM: loading NVIDIA UNIX Open Kernel Module for x86_64  580.65.06":                                                             false,
		"Out of memory: Killed process 12 (python3)":                                                                                     false,
		"usb 1-1: new device": false,
	} {
		k := read(t, "[    1.000000] "+line)
		assert.Equal(t, len(k.lines.all()) == 1, want, line)
		if want {
			assert.DeepEqual(t, k.lines.all(), []host.LogLine{{Since: time.Second, Text: line}})
		}
	}
}

func TestOnlyTheLastStartCounts(t *testing.T) {
	k := read(t,
		"2026-11-01T10:00:00 box kernel: [ 5000.000000] NVRM: Xid (PCI:0000:65:00): 48, DBE",
		"Nov 24 10:00:00 box kernel: [    0.000000] Linux version 6.8.0-49-generic (b@l) #1",
		"Nov 24 10:01:00 box kernel: [   60.500000] NVRM: Xid (PCI:0000:65:00): 63, Row Remapper",
		"a line of no kernel", "", "[ nonsense")
	assert.DeepEqual(t, k.xids.all(), []host.Xid{{Since: 60500 * time.Millisecond, PCI: "0000:65:00.0", Code: 63, Text: "NVRM: Xid (PCI:0000:65:00): 63, Row Remapper"}})
}

func TestRecords(t *testing.T) {
	k := &klog{}
	for _, r := range []string{
		"3,1001,5140900,-;NVRM: Xid (PCI:0000:65:00): 43, pid=1\n SUBSYSTEM=pci\n DEVICE=+pci:0000:65:00.0\n",
		"6,1002,5140901,-;systemd: hello\n", "no record", "3,1;NVRM: x", "3,1,x,-;NVRM: x", "3,1,-7,-;NVRM: x", "3,1,9223372036854775807,-;NVRM: x", "",
		"4,1003,6000000,c,caller=T1;NVRM: GPU0 failed\n",
	} {
		k.record([]byte(r))
	}
	assert.DeepEqual(t, k.xids.all(), []host.Xid{{Since: 5140900 * time.Microsecond, PCI: "0000:65:00.0", Code: 43, Text: "NVRM: Xid (PCI:0000:65:00): 43, pid=1"}})
	assert.DeepEqual(t, k.lines.all(), []host.LogLine{{Since: 6 * time.Second, Text: "NVRM: GPU0 failed"}})
}

// endless is a log of a hundred megabytes whose lines all matter.
type endless struct{ left, n int }

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, errors.New("it was read past its end")
	}
	line := fmt.Sprintf("[%5d.000000] NVRM: Xid (PCI:0000:65:00): 31, %s\n", e.n, strings.Repeat("x", 3000))
	n := copy(p, line)
	e.n, e.left = e.n+1, e.left-n
	return n, nil
}

func TestALogOfAnyLength(t *testing.T) {
	k, log := &klog{}, &endless{left: 100 << 20}
	assert.ErrorContains(t, k.scan(t.Context(), log), "past its end")
	xids := k.xids.all()
	assert.Equal(t, len(xids), keepFirst+keepLast)
	assert.Equal(t, xids[0].Since, time.Duration(0))
	assert.Assert(t, xids[len(xids)-1].Since >= time.Duration(log.n-100)*time.Second) // the newest are there
	assert.Assert(t, len(xids[0].Text) <= mostLine+len("…"))
}

func TestALineOfAnyLength(t *testing.T) {
	k := read(t, "[    1.000000] NVRM: "+strings.Repeat("y", 1<<20), strings.Repeat("z", 1<<20), "[    2.000000] NVRM: short")
	lines := k.lines.all()
	assert.Equal(t, len(lines), 2)
	assert.Equal(t, lines[1].Text, "NVRM: short")
}

func TestScanningEndsWithItsLimit(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, (&klog{}).scan(ctx, strings.NewReader("[    1.000000] NVRM: x")), context.Canceled)
}

func TestWaysToTheLog(t *testing.T) {
	denied := func(context.Context, *klog) error { return fs.ErrPermission }
	const line = "[    1.000000] NVRM: Xid (PCI:0000:65:00): 31, x\n"
	for name, c := range map[string]struct {
		kmsg  func(context.Context, *klog) error
		files files
		dmesg error
		xids  int
		why   string
	}{
		"the kernel's": {func(_ context.Context, k *klog) error {
			k.record([]byte("3,1,5,-;NVRM: Xid (PCI:0000:65:00): 31"))
			return nil
		}, nil, nil, 1, ""},
		"the file":      {denied, files{"var/log/kern.log": line + line}, nil, 2, ""},
		"dmesg":         {denied, nil, nil, 1, ""},
		"none may":      {denied, nil, errors.New("exit status 1"), 0, "the kernel log cannot be read: run with sudo"},
		"none is there": {func(context.Context, *klog) error { return fs.ErrNotExist }, nil, exec.ErrNotFound, 0, ""},
		"it is broken":  {func(context.Context, *klog) error { return errors.New("input/output error") }, nil, exec.ErrNotFound, 0, "the kernel log cannot be read: input/output error"},
	} {
		t.Run(name, func(t *testing.T) {
			m := fake(t, c.files)
			m.kmsg, m.run = c.kmsg, says(t, "dmesg", line, c.dmesg)
			h := one(t, m, readLog)
			assert.Equal(t, len(h.Xids), c.xids)
			assert.Equal(t, h.Unread["it"], c.why)
		})
	}
}

func FuzzLog(f *testing.F) {
	f.Add([]byte("[    1.000000] NVRM: Xid (PCI:0000:65:00): 31, x\n"))
	f.Add([]byte("3,1001,5140900,-;NVRM: fallen off the bus\n K=v"))
	f.Fuzz(func(t *testing.T, data []byte) {
		k := &klog{}
		k.record(data)
		assert.NilError(t, k.scan(t.Context(), strings.NewReader(string(data))))
		for _, x := range k.xids.all() {
			assert.Assert(t, x.Since >= 0 && len(x.Text) <= mostLine+len("…"))
		}
	})
}
