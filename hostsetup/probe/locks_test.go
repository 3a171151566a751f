package probe

import (
	"testing"

	"gotest.tools/v3/assert"
)

func TestLockedNames(t *testing.T) {
	for lock, want := range map[string]string{
		"nvidia-driver-3:580.65.06-1.el9.*": "nvidia-driver", "nvidia-driver-580.65.06-1.el9.x86_64": "nvidia-driver", "*nvidia*": "*nvidia*", "a": "a",
		"kmod-nvidia-open-dkms-3:580.65.06-1.el10.noarch": "kmod-nvidia-open-dkms", "docker-ce-3:29.7.2-1.el9.*": "docker-ce", "*nvidia*580*": "*nvidia*580*",
		"docker-ce-29.7.2-1.el9": "docker-ce", "0:x": "0:x", "-": "-", ":": ":", "": "",
	} {
		assert.Equal(t, lockedName(lock), want)
	}
}

func TestLocksOfDNF4(t *testing.T) {
	for text, want := range map[string][]string{
		"# Added lock on Mon Nov 24\nnvidia-driver-3:580.65.06-1.el9.*\n\n!docker-ce-0:29.0-1.*\n  libnvidia-ml-3:580.65.06-1.el9.*\r\n": {"nvidia-driver", "libnvidia-ml"},
		"": nil, "#": nil, "!x": nil, "*nvidia*\n": {"*nvidia*"},
	} {
		assert.DeepEqual(t, dnf4Locks(text), want)
	}
}

func TestLocksOfDNF5(t *testing.T) {
	const head = "version = \"1.0\"\n\n"
	lock := func(name string, comparators ...string) string {
		text := "[[packages]]\nname = \"" + name + "\"\ncomment = \"Added by 'versionlock add' command\"\n"
		for _, c := range comparators {
			text += "[[packages.conditions]]\nkey = \"evr\"\ncomparator = \"" + c + "\"\nvalue = \"3:580.65.06-1.fc43\"\n"
		}
		return text
	}
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"locked":             {head + lock("nvidia-driver", "="), []string{"nvidia-driver"}},
		"two":                {head + lock("nvidia-driver", "=") + "\n" + lock("*nvidia*", ">=", "<"), []string{"nvidia-driver", "*nvidia*"}},
		"held below":         {head + lock("nvidia-driver", "<"), []string{"nvidia-driver"}},
		"one version is bad": {head + lock("iftop", "!="), nil},
		"no condition":       {head + lock("iftop"), nil},
		"nothing":            {"", nil},
		"no TOML":            {"nvidia-driver-3:580.65.06-1.fc43\n", nil},
		"another form":       {"packages = 7\n", nil},
		"odd comparators":    {head + lock("x", "~", "\\u001b"), nil},
	} {
		t.Run(name, func(t *testing.T) { assert.DeepEqual(t, dnf5Locks(c.text), c.want) })
	}
}

func TestLocksOfZypper(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"zypper addlock": {"\ntype: package\nmatch_type: glob\ncase_sensitive: on\nsolvable_name: nvidia-*-G06\n\n", []string{"nvidia-*-G06"}},
		"two":            {"type: package\nmatch_type: glob\nsolvable_name: a\n\ntype: package\nmatch_type: exact\nsolvable_name: b\n", []string{"a", "b"}},
		"by default":     {"solvable_name: nvidia\n", []string{"*nvidia*"}},
		"two names":      {"match_type: glob\nsolvable_name: a\nsolvable_name: b\n", []string{"a", "b"}},
		"a pattern":      {"type: pattern\nsolvable_name: nvidia\n", nil},
		"a regex":        {"match_type: regex\nsolvable_name: ^nvidia\n", nil},
		"no name":        {"type: package\nrepo: cuda\n", nil},
		"an empty name":  {"solvable_name:\n", nil},
		"nothing":        {"", nil},
		"no form":        {"nvidia\n\n:\n::\n", nil},
	} {
		t.Run(name, func(t *testing.T) { assert.DeepEqual(t, zyppLocks(c.text), c.want) })
	}
}

// A machine has one of the tools; what is broken of one does not hide the others.
func TestLocksOfAMachine(t *testing.T) {
	r := folder(t, files{
		"etc/dnf/plugins/versionlock.list":        "docker-ce-3:29.7.2-1.el9.*\n",
		"etc/yum/pluginconf.d/versionlock.list":   "runc-4:1.3-1.el7.*\n",
		"etc/dnf/versionlock.toml":                "[[packages\n",
		"etc/zypp/locks":                          "solvable_name: nvidia\n",
		"etc/yum/pluginconf.d/versionlock.listed": "no\n",
	})
	assert.DeepEqual(t, packageLocks(r), []string{"docker-ce", "runc", "*nvidia*"})
	assert.Equal(t, len(packageLocks(folder(t, nil))), 0)
}

func FuzzLocks(f *testing.F) {
	f.Add("nvidia-driver-3:580.65.06-1.el9.*")
	f.Add("[[packages]]\nname = \"x\"\n[[packages.conditions]]\ncomparator = \"=\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		_, _, _ = dnf4Locks(text), dnf5Locks(text), zyppLocks(text)
	})
}
