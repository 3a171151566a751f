package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

// The same line as loggers and dmesg's options write it.
func TestFormsOfALog(t *testing.T) {
	const line = "NVRM: Xid (PCI:0000:65:00): 79, pid='<unknown>', GPU has fallen off the bus."
	at := 123*time.Second + 456789*time.Microsecond
	for name, in := range map[string]string{
		"dmesg":                       "[  123.456789] " + line,
		"dmesg, long after the start": "[12345678.000001] " + line,
		"dmesg -x":                    "kern  :err   : [  123.456789] " + line,
		"dmesg with callers":          "[  123.456789][    T1] " + line,
		"callers of an interrupt":     "[  123.456789][   C11] " + line,
		"rsyslog, ISO":                "2026-11-24T10:00:00.123456+00:00 gpu01 kernel: [  123.456789] " + line,
		"rsyslog, traditional":        "Nov 24 10:00:00 gpu01 kernel: [  123.456789] " + line,
		"syslog-ng":                   "Nov 24 10:00:00 gpu01 kernel: [kern.err] [  123.456789] " + line,
		"with the priority":           "<3>[  123.456789] " + line,
		"no blank behind":             "[  123.456789]" + line,
		"a name in brackets":          "Nov 24 10:00:00 [box] kernel: [  123.456789] " + line,
		"carriage return":             "[  123.456789] " + line + "\r",
	} {
		t.Run(name, func(t *testing.T) {
			k := read(t, in)
			want := at
			if strings.Contains(name, "long after") {
				want = 12345678*time.Second + time.Microsecond
			}
			assert.DeepEqual(t, k.xids.all(), []host.Xid{{Since: want, PCI: "0000:65:00.0", Code: 79, Text: line}})
		})
	}
}

func TestLinesWithoutAStamp(t *testing.T) {
	for _, in := range []string{
		"NVRM: Xid (PCI:0000:65:00): 79", "[] NVRM: Xid (PCI:0000:65:00): 79", "[1] NVRM: Xid (PCI:0000:65:00): 79", "[1.5] NVRM: Xid (PCI:0000:65:00): 79", "[-1.000000] NVRM: Xid (PCI:0000:65:00): 79",
		"[+1.000000] NVRM: Xid (PCI:0000:65:00): 79", "[1e3.000000] NVRM: Xid (PCI:0000:65:00): 79", "[ 1.0000000] NVRM: Xid (PCI:0000:65:00): 79", "[9999999999.000000] NVRM: Xid (PCI:0000:65:00): 79",
		"[Tue Nov 24 10:00:00 2026] NVRM: Xid (PCI:0000:65:00): 79", // dmesg -T, which nobody asks for
		strings.Repeat("x", 300) + "[  123.456789] NVRM: Xid (PCI:0000:65:00): 79", "[[[[[[[[", "[   1.000000", "\x00\x00\x00",
	} {
		k := read(t, in)
		assert.Equal(t, len(k.xids.all())+len(k.lines.all()), 0, "%q", in)
	}
}

// A log file goes on over many starts of the machine.
func TestStartsOfTheMachine(t *testing.T) {
	for name, first := range map[string]string{
		"dmesg":        "[    0.000000] Linux version 6.8.0-49-generic (buildd@lcy02) #49-Ubuntu SMP",
		"with callers": "[    0.000000][    T0] Linux version 6.8.0-49-generic (buildd@lcy02) #49-Ubuntu SMP",
		"rsyslog":      "2026-11-24T10:00:00.123456+00:00 gpu01 kernel: [    0.000000] Linux version 6.8.0-49-generic (buildd@lcy02) #49-Ubuntu SMP",
	} {
		t.Run(name, func(t *testing.T) {
			k := read(t, "[  900.000000] NVRM: Xid (PCI:0000:65:00): 48, DBE", "[  901.000000] NVRM: The NVIDIA GPU 0000:9b:00.0", first, "[    5.000000] NVRM: Xid (PCI:0000:65:00): 63, remapped")
			assert.DeepEqual(t, k.xids.all(), []host.Xid{{Since: 5 * time.Second, PCI: "0000:65:00.0", Code: 63, Text: "NVRM: Xid (PCI:0000:65:00): 63, remapped"}})
			assert.Equal(t, len(k.lines.all()), 0)
			assert.Equal(t, k.fell, "")
		})
	}
}

// The codes of NVIDIA's catalogue, with what the driver says behind them.
func TestXidsAsTheDriverWritesThem(t *testing.T) {
	for line, code := range map[string]int{
		"NVRM: Xid (PCI:0000:41:00): 13, pid=2345, name=python3, Graphics SM Warp Exception on (GPC 0, TPC 1, SM 0): Out Of Range Address":                                                     13,
		"NVRM: Xid (PCI:0000:41:00): 31, pid=2345, name=python3, Ch 00000008, intr 00000000. MMU Fault: ENGINE GRAPHICS GPCCLIENT_T1_0 faulted @ 0x7f_00000000.":                               31,
		"NVRM: Xid (PCI:0000:41:00): 43, pid=2345, name=python3, Ch 00000010":                                                                                                                  43,
		"NVRM: Xid (PCI:0000:41:00): 45, pid=2345, name=python3, Ch 0000000b":                                                                                                                  45,
		"NVRM: Xid (PCI:0000:41:00): 48, pid='<unknown>', name=<unknown>, An uncorrectable double bit error (DBE) has been detected on GPU in the framebuffer at partition 6, subpartition 0.": 48,
		"NVRM: Xid (PCI:0000:41:00): 61, pid=1, name=systemd, 0cec(3098) 00000000 00000000":                                                                                                    61,
		"NVRM: Xid (PCI:0000:41:00): 62, pid='<unknown>', name=<unknown>, 1b9c(2f04) 00000000 00000000":                                                                                        62,
		"NVRM: Xid (PCI:0000:41:00): 63, pid='<unknown>', name=<unknown>, Row Remapper: New row (0x00000000000185a7) marked for remapping, reset gpu to activate.":                             63,
		"NVRM: Xid (PCI:0000:41:00): 64, pid='<unknown>', name=<unknown>, Row remapping failed":                                                                                                64,
		"NVRM: Xid (PCI:0000:41:00): 74, pid='<unknown>', name=<unknown>, NVLink: fatal error detected on link 9(0x10000, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0)":                                       74,
		"NVRM: Xid (PCI:0000:41:00): 92, pid='<unknown>', name=<unknown>, High single-bit ECC error rate":                                                                                      92,
		"NVRM: Xid (PCI:0000:41:00): 94, pid=2345, name=python3, Contained: SM (0x1). RST: No, D-RST: No":                                                                                      94,
		"NVRM: Xid (PCI:0000:41:00): 95, pid=2345, name=python3, Uncontained: LTC TAG (0x2,0x0). RST: Yes, D-RST: No":                                                                          95,
		"NVRM: Xid (PCI:0000:41:00): 109, pid=2345, name=python3, Ch 00000008, errorString CTX SWITCH TIMEOUT, Info 0x2c014":                                                                   109,
		"NVRM: Xid (PCI:0000:41:00): 119, pid=2345, name=nvidia-smi, Timeout after 6s of waiting for RPC response from GPU3 GSP! Expected function 76 (GSP_RM_CONTROL) (0x20802a02 0x8).":      119,
		"NVRM: Xid (PCI:0000:41:00): 120, pid='<unknown>', name=<unknown>, GSP task exception: store access/AMO page fault (cause:0xf) @ pc:0x5b3e1c, partition:4#0, task:3":                   120,
		"NVRM: Xid (PCI:0000:41:00): 145, RLW_REMAP  Nonfatal XC0 i0 Link 00 (0x00000004 0x00000000 0x00000000 0x00000000 0x00000000 0x00000000)":                                              145,
		"NVRM: Xid (PCI:0000:41:00): 154, pid='<unknown>', name=<unknown>, GPU recovery action changed from 0x0 (None) to 0x2 (Node Reboot Required)":                                          154,
	} {
		k := read(t, "[   12.000345] "+line)
		all := k.xids.all()
		assert.Equal(t, len(all), 1, line)
		assert.Equal(t, all[0].Code, code)
		assert.Equal(t, all[0].PCI, "0000:41:00.0")
		assert.Equal(t, all[0].Text, line)
	}
	for _, line := range []string{"NVRM: Xid (PCI:0000:41:00): , x", "NVRM: Xid (PCI:0000:41:00): 123456, x", "NVRM: Xid (PCI:zz): 79, x", "NVRM: Xid: 79", "Xid (PCI:0000:41:00): 79, x", "NVRM: Xid (PCI:0000:41:00) 79"} {
		assert.Equal(t, len(read(t, "[   12.000345] "+line).xids.all()), 0, line)
	}
}

// logOf is a machine with a log file of some size; lines are what stands at its end.
func logOf(t *testing.T, size int64, lines ...string) *machine {
	t.Helper()
	m := fake(t, files{"var/log/kern.log": ""})
	f, err := os.OpenFile(filepath.Join(string(m.root), "var/log/kern.log"), os.O_WRONLY, 0)
	assert.NilError(t, err)
	var b bytes.Buffer
	for i := 0; b.Len() < 1<<20; i++ {
		fmt.Fprintf(&b, "2026-11-24T10:00:00.%06d+00:00 gpu01 kernel: [%5d.%06d] audit: type=1400 apparmor=\"DENIED\" operation=\"open\" profile=\"snap.docker.dockerd\"\n", i, i, i)
	}
	for written := int64(0); written < size; written += int64(b.Len()) {
		_, err := f.Write(b.Bytes())
		assert.NilError(t, err)
	}
	_, err = f.WriteString(strings.Join(lines, "\n") + "\n")
	assert.NilError(t, err)
	assert.NilError(t, f.Close())
	return m
}

// A hundred megabytes are read within the source's limit, on a machine that does other
// things too; and what is at the end is found.
func TestALogFileOf100MB(t *testing.T) {
	m := logOf(t, 100<<20, "[99999.000000] NVRM: Xid (PCI:0000:65:00): 79, GPU has fallen off the bus.")
	for _, s := range sources() {
		if s.name == "klog" {
			s.timeout *= 20 // other tests run beside this one, and it may run with the race detector
			h := gather(t.Context(), m, []source{s})
			assert.Equal(t, len(h.Unread), 0, "%v", h.Unread)
			assert.Equal(t, len(h.Xids), 1)
			return
		}
	}
	t.Fatal("there is no source klog")
}

// Of a file that is longer than all that is read, the last counts. It has a hole, and takes no disk.
func TestTheEndOfALogFileCounts(t *testing.T) {
	m := fake(t, files{"var/log/kern.log": "[    1.000000] NVRM: Xid (PCI:0000:65:00): 31, the first\n"})
	f, err := os.OpenFile(filepath.Join(string(m.root), "var/log/kern.log"), os.O_WRONLY, 0)
	assert.NilError(t, err)
	_, err = f.WriteAt([]byte("\n[    2.000000] NVRM: Xid (PCI:0000:65:00): 79, the last\n"), 2*mostLog)
	assert.NilError(t, errors.Join(err, f.Close()))
	var k klog
	assert.NilError(t, m.logFile(t.Context(), &k))
	assert.DeepEqual(t, k.xids.all(), []host.Xid{{Since: 2 * time.Second, PCI: "0000:65:00.0", Code: 79, Text: "NVRM: Xid (PCI:0000:65:00): 79, the last"}})
}

func TestALogFileIsLeftWhenTimeIsUp(t *testing.T) {
	m := logOf(t, 20<<20)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, m.logFile(ctx, &klog{}), context.Canceled)
}

// dmesg is ended if it writes without end; what it wrote counts.
func TestDmesgThatWritesWithoutEnd(t *testing.T) {
	m := fake(t, nil)
	m.run = says(t, "dmesg", "[    1.000000] NVRM: Xid (PCI:0000:65:00): 31, x\n", fmt.Errorf("%w (more than 16 MiB of output)", errLarge))
	h := one(t, m, readLog)
	assert.Equal(t, len(h.Xids), 1)
	assert.Equal(t, len(h.Unread), 0)
}

// The first and the last of many are kept, in their order and without a gap that nobody sees.
func TestARing(t *testing.T) {
	for _, n := range []int{0, 1, keepFirst - 1, keepFirst, keepFirst + 1, keepFirst + keepLast, keepFirst + 2*keepLast - 1, keepFirst + 2*keepLast, 10 * keepLast} {
		var r ring[int]
		for i := range n {
			r.add(i)
		}
		all := r.all()
		assert.Equal(t, len(all), min(n, keepFirst+keepLast))
		for i, v := range all {
			want := i
			if n > keepFirst+keepLast && i >= keepFirst {
				want = n - keepLast + i - keepFirst
			}
			assert.Equal(t, v, want)
		}
		last, ok := r.newest()
		assert.Equal(t, ok, n > 0)
		assert.Equal(t, last, max(0, n-1))
		assert.Equal(t, len(all), len(r.all()), "to look changes nothing")
	}
}

// What is kept of a hostile log is bounded, whatever it says.
func TestALogThatWantsAllMemory(t *testing.T) {
	k := &klog{}
	for i := range 20_000 {
		k.add(time.Duration(i), "NVRM: "+strings.Repeat("x", 5000))
		k.add(time.Duration(i), fmt.Sprintf("NVRM: GPU %04x:00:00.0: GPU has fallen off the bus.", i%60000))
	}
	size := 0
	for _, l := range k.lines.all() {
		size += len(l.Text)
	}
	for _, x := range k.xids.all() {
		size += len(x.Text)
	}
	assert.Assert(t, size <= 2*(keepFirst+keepLast)*(mostLine+len("…")), "%d bytes", size)
}

func TestAddressesInLines(t *testing.T) {
	for text, want := range map[string]string{
		"0000:65:00.0": "0000:65:00.0", "0000:65:00": "0000:65:00.0", "PCI:0000:65:00": "0000:65:00.0", "GPU 00000000:65:00.0:": "0000:65:00.0", "00010000:01:00.0": "10000:01:00.0",
		"at 0000:FF:1F.7 and 0000:01:00.0": "0000:ff:1f.7", "10de:2330": "", "65:00.0": "", "": "", "0000:65:00.9": "0000:65:00.0", "0000:6:00.0": "", "12345678901:65:00.0": "",
	} {
		assert.Equal(t, pciAddress(text), want, text)
	}
}

func TestTheKernelsOwnBufferOfAnotherRoot(t *testing.T) {
	// An empty file in its place, as some containers have, is none.
	m := newMachine(Options{Root: string(folder(t, files{"dev/kmsg": ""}))})
	assert.ErrorIs(t, m.readKmsg(t.Context(), &klog{}), fs.ErrNotExist)
	m = newMachine(Options{Root: t.TempDir()})
	assert.ErrorIs(t, m.readKmsg(t.Context(), &klog{}), fs.ErrNotExist)
	m = newMachine(Options{Root: string(folder(t, files{"dev/kmsg": "→kmsg"}))})
	assert.ErrorContains(t, m.readKmsg(t.Context(), &klog{}), "too many links")
}
