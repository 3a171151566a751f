//go:build e2e

package setup

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"github.com/dockergpu/docker-gpu/hostsetup/setup/apply"
	"github.com/dockergpu/docker-gpu/hostsetup/setup/tree/treetest"
)

// TestMain makes this test's own binary the setup that is killed.
func TestMain(m *testing.M) {
	if text := os.Getenv("SETUP_TEST_CHILD"); text != "" {
		var o orders
		err := json.Unmarshal([]byte(text), &o)
		if err == nil {
			_, err = o.machine().Apply(context.Background(), o.ID, o.Plan)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// Root file systems are unpacked and compared again and again.
	var fs unix.Statfs_t
	if err := unix.Statfs("/dev/shm", &fs); err == nil && fs.Flags&unix.ST_NODEV == 0 && fs.Bavail*uint64(fs.Bsize) > 2<<30 && os.Getenv("TMPDIR") == "" {
		_ = os.Setenv("TMPDIR", "/dev/shm")
	}
	os.Exit(m.Run())
}

// orders are what a child applies.
type orders struct {
	Root, State, ID string
	CA              []byte
	Plan            *setup.Plan
}

func (o orders) machine() *apply.Machine {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(o.CA)
	return &apply.Machine{Root: o.Root, State: o.State, Programs: apply.Exec{Root: o.Root}, Patience: time.Minute,
		Fetch: apply.Fetcher{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}.Get,
		Ask:   func(context.Context, string) (bool, error) { return false, nil }}
}

// roots makes the root file systems, once.
var roots = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("./roots").Output()
	if err != nil {
		return "", fmt.Errorf("roots: %w", err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1], nil
})

// machine is a root file system of a test's own.
type machine struct {
	*apply.Machine
	orders orders
	id     string // of the next run
	events []string
}

func newMachine(t *testing.T, name string, r *repository) *machine {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("package managers want root")
	}
	folder, err := roots()
	assert.NilError(t, err)
	dir, err := os.MkdirTemp("", "docker-gpu-setup-")
	assert.NilError(t, err)
	t.Cleanup(func() { assert.NilError(t, os.RemoveAll(dir)) })
	m := &machine{orders: orders{Root: filepath.Join(dir, "root"), State: filepath.Join(dir, "state"), CA: r.ca}, id: "20261127-050000"}
	assert.NilError(t, os.Mkdir(m.orders.Root, 0o755))
	run(t, "tar", "-C", m.orders.Root, "--numeric-owner", "--xattrs", "-xf", filepath.Join(folder, name+".tar"))
	for dev, number := range map[string]int{"null": 3, "zero": 5, "random": 8, "urandom": 9} {
		path := filepath.Join(m.orders.Root, "dev", dev)
		assert.NilError(t, unix.Mknod(path, unix.S_IFCHR|0o666, int(unix.Mkdev(1, uint32(number)))))
		assert.NilError(t, os.Chmod(path, 0o666))
	}
	m.write(t, "/usr/local/share/ca-certificates/test.crt", string(r.ca))
	m.chroot(t, "update-ca-certificates")
	m.write(t, "/etc/dpkg/dpkg.cfg.d/test", "force-unsafe-io\n") // killed are processes here, not machines
	m.Machine = m.orders.machine()
	m.Tell = func(e apply.Event) {
		m.events = append(m.events, fmt.Sprintf("%s %s %s %q", e.Kind, e.Step, e.Text, e.Argv))
	}
	t.Cleanup(func() {
		if t.Failed() {
			data, _ := os.ReadFile(filepath.Join(m.State, "journal", m.id, "commands"))
			for line := range strings.Lines(string(data)) {
				if !strings.HasSuffix(strings.TrimSpace(line), "installed") {
					t.Log(strings.TrimRight(line, "\n"))
				}
			}
		}
	})
	return m
}

func (m *machine) write(t *testing.T, name, content string) {
	t.Helper()
	path := filepath.Join(m.orders.Root, name)
	assert.NilError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	assert.NilError(t, os.WriteFile(path, []byte(content), 0o644))
}

func (m *machine) read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(m.orders.Root, name))
	assert.NilError(t, err)
	return string(data)
}

func (m *machine) there(name string) bool {
	_, err := os.Lstat(filepath.Join(m.orders.Root, name))
	return err == nil
}

// chroot runs a program in the root, which must succeed.
func (m *machine) chroot(t *testing.T, argv ...string) string {
	t.Helper()
	r, err := apply.Exec{Root: m.orders.Root}.Run(t.Context(), apply.Command{Argv: argv, Env: []string{"DEBIAN_FRONTEND=noninteractive"}})
	assert.NilError(t, err, "%q", argv)
	assert.Equal(t, r.Code, 0, "%q: %s%s", argv, r.Out, r.Err)
	return string(r.Out)
}

func run(t *testing.T, argv ...string) string {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	assert.NilError(t, err, "%q: %s%s", argv, out, stderr.String())
	return string(out)
}

// theirs are names that package managers change by themselves, whatever is taken back, and
// why that is right.
func theirs(name string) bool {
	return slices.ContainsFunc([]string{
		"/var/log/apt", "/var/log/dpkg.log", "/var/log/alternatives.log", // what was done is told for ever
		"/var/log/dnf.log", "/var/log/dnf.librepo.log", "/var/log/dnf.rpm.log", "/var/log/hawkey.log", "/var/log/zypper.log", "/var/log/zypp",
		"/var/cache/apt", "/var/lib/apt/lists", "/var/cache/dnf", "/var/cache/zypp", "/var/cache/libdnf5", // lists of packages and downloads
		"/var/cache/ldconfig", "/var/cache/debconf", // made of other files
		"/var/lib/dpkg/lock", "/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/triggers", // made by the first run
		"/var/lib/dpkg/tmp.ci",                                                                       // what a killed dpkg had in hand; the next one takes it away
		"/var/lib/dpkg/status-old", "/var/lib/dpkg/diversions-old", "/var/lib/dpkg/statoverride-old", // backups of the last run
		"/var/lib/dpkg/status", "/var/lib/apt/extended_states", // compared by what they say: see packages
		"/var/lib/rpm", "/var/lib/dnf", "/var/lib/zypp", "/var/lib/YaST2/cookies", // databases: compared by what they say
		"/run/lock", "/run/zypp.pid", "/var/cache/zypper", "/tmp",
	}, func(p string) bool { return name == p || strings.HasPrefix(name, p+"/") })
}

// state is what must be the same before and after.
func (m *machine) state(t *testing.T) map[string]treetest.Entry {
	t.Helper()
	all, err := treetest.Seen(m.orders.Root, theirs)
	assert.NilError(t, err)
	return all
}

// rewritten are notes of the package managers' own that they write anew, with the same
// content, when a package or a lock was there and back: there the times do not count.
func rewritten(name string) bool {
	return strings.HasPrefix(name, "/var/lib/dpkg/info/") || name == "/etc/dnf/plugins/versionlock.list" || name == "/etc/zypp/locks"
}

// same compares two states.
func same(t *testing.T, after, before map[string]treetest.Entry) {
	t.Helper()
	var wrong []string
	for name, e := range before {
		switch now, there := after[name]; {
		case !there:
			wrong = append(wrong, "gone: "+name)
		case now.What != e.What || now.Time != e.Time && !rewritten(name):
			wrong = append(wrong, fmt.Sprintf("changed: %s: %v instead of %v", name, now, e))
		}
	}
	for name := range after {
		if _, there := before[name]; !there {
			wrong = append(wrong, "new: "+name)
		}
	}
	slices.Sort(wrong)
	assert.Assert(t, len(wrong) == 0, strings.Join(wrong, "\n"))
}

func step(id string, op setup.Op) setup.Step {
	return setup.Step{ID: id, Title: "the step " + id, Root: true, Op: op}
}

func planOf(steps ...setup.Step) *setup.Plan {
	return &setup.Plan{SchemaVersion: setup.SchemaVersion, Steps: steps}
}

func file(path, content string) setup.Op {
	return setup.Op{File: &setup.File{Path: path, Content: content}}
}
