package probe

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"gotest.tools/v3/assert"
)

func TestLinksStayWithinTheRoot(t *testing.T) {
	r := folder(t, files{
		"etc/os-release": "→../usr/lib/os-release", "usr/lib/os-release": "ID=inside\n",
		"var/run": "→/run", "run/cdi/a.yaml": "found",
		"up": "→../../../../../../../../run/cdi/a.yaml", "loop": "→/loop2", "loop2": "→loop", "dangling": "→/nowhere",
	})
	for name, want := range map[string]string{
		"/etc/os-release": "ID=inside", "/var/run/cdi/a.yaml": "found", "/up": "found", "/var/run/../run/cdi/a.yaml": "found",
		"/../../run/cdi/a.yaml": "found", "/loop": "", "/dangling": "", "/run": "",
	} {
		assert.Equal(t, r.text(name), want, name)
	}
	_, err := r.path("/loop")
	assert.ErrorContains(t, err, "too many links")
	assert.Assert(t, r.missing("/dangling") && !r.exists("/dangling") && !r.missing("/loop"))
	at, err := r.path("/var/run/cdi/a.yaml")
	assert.NilError(t, err)
	assert.Equal(t, at, "/run/cdi/a.yaml")
	assert.Equal(t, r.link("/etc/os-release"), "os-release")
	assert.Equal(t, r.target("/var/run"), "/run")
	assert.Equal(t, r.link("/usr/lib/os-release"), "")
}

func TestFilesAreReadUpToASize(t *testing.T) {
	r := folder(t, files{"small": "1234", "dir/": ""})
	data, err := r.read("/small", 4)
	assert.NilError(t, err)
	assert.Equal(t, string(data), "1234")
	_, err = r.read("/small", 3)
	assert.ErrorIs(t, err, errLarge)
	_, err = r.read("/dir", 3)
	assert.ErrorContains(t, err, "/dir is not a regular file")
	_, err = r.read("/none", 3)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestList(t *testing.T) {
	r := folder(t, files{"d/b.conf": "", "d/a.conf": "", "d/c.txt": "", "e": "→/d"})
	for _, dir := range []string{"/d", "/e"} {
		names, err := r.list(dir, "*.conf")
		assert.NilError(t, err)
		assert.DeepEqual(t, names, []string{"a.conf", "b.conf"})
	}
	_, err := r.list("/none", "*")
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestWhyAThingCannotBeRead(t *testing.T) {
	at := func(err error) error { return &os.PathError{Op: "open", Path: "/tmp/root/x", Err: err} }
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"none":       {nil, ""},
		"not there":  {at(fs.ErrNotExist), ""},
		"permission": {at(fs.ErrPermission), "the log cannot be read: run with sudo"},
		"path":       {at(errors.New("input/output error")), "the log cannot be read: input/output error"},
		"other":      {errors.New("odd"), "the log cannot be read: odd"},
	} {
		t.Run(name, func(t *testing.T) {
			err := unreadable("the log", c.err)
			if c.want == "" {
				assert.NilError(t, err)
				return
			}
			assert.Error(t, err, c.want)
		})
	}
}

func TestTheRootItselfMayBeALink(t *testing.T) {
	r := folder(t, files{"real/etc/hostname": "box\n"})
	link := filepath.Join(t.TempDir(), "link")
	assert.NilError(t, os.Symlink(filepath.Join(string(r), "real"), link))
	assert.Equal(t, root(link).text("/etc/hostname"), "box")
}
