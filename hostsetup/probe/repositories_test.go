package probe

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/dockergpu/docker-gpu/hostsetup/host"
)

const (
	toolkitDeb = "https://nvidia.github.io/libnvidia-container/stable/deb/$(ARCH)"
	toolkitRPM = "https://nvidia.github.io/libnvidia-container/stable/rpm/$basearch"
	cudaDeb    = "https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/x86_64/"
	cudaRPM    = "https://developer.download.nvidia.com/compute/cuda/repos/rhel9/x86_64"
)

// Each form of a package source, as its installer or a user writes it.
func TestFormsOfPackageSources(t *testing.T) {
	const list, sources, repo = "/etc/apt/sources.list.d/x.list", "/etc/apt/sources.list.d/x.sources", "/etc/yum.repos.d/x.repo"
	one := func(uri, key string) []host.Repository { return []host.Repository{{URI: uri, SignedBy: key}} }
	for name, c := range map[string]struct {
		file, text string
		want       []host.Repository
	}{
		"one line":                {list, "deb " + toolkitDeb + " /\n", one(toolkitDeb, "")},
		"with a key":              {list, "deb [signed-by=/usr/share/keyrings/nvidia-container-toolkit-keyring.gpg] " + toolkitDeb + " /\n", one(toolkitDeb, "/usr/share/keyrings/nvidia-container-toolkit-keyring.gpg")},
		"with options":            {list, "deb [ arch=amd64,arm64 signed-by=/usr/share/keyrings/cuda-archive-keyring.gpg lang=none ] " + cudaDeb + " /\n", one(cudaDeb, "/usr/share/keyrings/cuda-archive-keyring.gpg")},
		"options, key first":      {list, "deb [signed-by=/k.gpg,/l.gpg arch=amd64] " + cudaDeb + " /\n", one(cudaDeb, "/k.gpg")},
		"capitals":                {list, "deb [Signed-By=/k.gpg] " + cudaDeb + " /\n", one(cudaDeb, "/k.gpg")},
		"source packages":         {list, "deb-src " + cudaDeb + " /\n", one(cudaDeb, "")},
		"commented out":           {list, "# deb " + cudaDeb + " /\n#deb " + cudaDeb + " /\n", nil},
		"a comment behind":        {list, "deb " + cudaDeb + " / # the GPU driver\n", one(cudaDeb, "")},
		"indented":                {list, "  deb " + cudaDeb + " /\r\n", one(cudaDeb, "")},
		"China":                   {list, "deb https://developer.download.nvidia.cn/compute/cuda/repos/debian12/x86_64/ /\n", one("https://developer.download.nvidia.cn/compute/cuda/repos/debian12/x86_64/", "")},
		"plain HTTP":              {list, "deb http://developer.download.nvidia.com/compute/cuda/repos/ubuntu1804/x86_64 /\n", one("http://developer.download.nvidia.com/compute/cuda/repos/ubuntu1804/x86_64", "")},
		"another host":            {list, "deb https://mirror.example.com/nvidia.github.io/libnvidia-container/stable /\n", nil},
		"a host that looks alike": {list, "deb https://nvidia.github.io.example.com/x /\n", nil},

		"deb822":              {sources, "Types: deb\nURIs: " + cudaDeb + "\nSuites: /\nSigned-By: /usr/share/keyrings/cuda.gpg\n", one(cudaDeb, "/usr/share/keyrings/cuda.gpg")},
		"key first":           {sources, "Signed-By: /k.gpg\nTypes: deb deb-src\nURIs: " + cudaDeb + "\nSuites: /\n", one(cudaDeb, "/k.gpg")},
		"switched off":        {sources, "Types: deb\nURIs: " + cudaDeb + "\nSuites: /\nEnabled: no\n", nil},
		"switched off, first": {sources, "Enabled: false\nTypes: deb\nURIs: " + cudaDeb + "\nSuites: /\n", nil},
		"switched on":         {sources, "Enabled: yes\nTypes: deb\nURIs: " + cudaDeb + "\nSuites: /\n", one(cudaDeb, "")},
		"two paragraphs": {sources, "Types: deb\nURIs: " + cudaDeb + "\nSuites: /\nSigned-By: /a.gpg\n\n# another\nTypes: deb\nURIs: " + toolkitDeb + "\nSuites: /\n",
			[]host.Repository{{URI: cudaDeb, SignedBy: "/a.gpg"}, {URI: toolkitDeb}}},
		"two addresses":           {sources, "Types: deb\nURIs: " + cudaDeb + " " + toolkitDeb + "\nSuites: /\n", []host.Repository{{URI: cudaDeb}, {URI: toolkitDeb}}},
		"addresses in lines":      {sources, "Types: deb\nURIs:\n " + cudaDeb + "\n\t" + toolkitDeb + "\nSuites: /\n", []host.Repository{{URI: cudaDeb}, {URI: toolkitDeb}}},
		"a key in the file":       {sources, "Types: deb\nURIs: " + cudaDeb + "\nSuites: /\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF\n -----END PGP PUBLIC KEY BLOCK-----\n", one(cudaDeb, sources)},
		"a key in the file first": {sources, "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n mQINBF\nTypes: deb\nURIs: " + cudaDeb + "\nSuites: /\n", one(cudaDeb, sources)},
		"an empty key":            {sources, "Types: deb\nSigned-By:\nURIs: " + cudaDeb + "\nSuites: /\n", one(cudaDeb, "")},
		"a comment within":        {sources, "Types: deb\n# URIs: " + toolkitDeb + "\nURIs: " + cudaDeb + "\nSuites: /\n", one(cudaDeb, "")},
		"addresses elsewhere":     {sources, "X-Repolib-Name: " + cudaDeb + "\nTypes: deb\nURIs: https://example.com/\n", nil},

		"yum":            {repo, "[cuda-rhel9-x86_64]\nname=cuda-rhel9-x86_64\nbaseurl=" + cudaRPM + "\nenabled=1\ngpgcheck=1\ngpgkey=" + cudaRPM + "/D42D0685.pub\n", one(cudaRPM, "")},
		"yum off":        {repo, "[a]\nbaseurl=" + cudaRPM + "\nenabled=0\n", nil},
		"yum off, first": {repo, "[a]\nenabled = 0\nbaseurl = " + cudaRPM + "\n", nil},
		"yum in lines":   {repo, "[a]\nbaseurl=https://example.com/\n    " + cudaRPM + "\n", one(cudaRPM, "")},
		"two sections":   {repo, "[a]\nbaseurl=" + toolkitRPM + "\n\n[b]\nbaseurl=" + cudaRPM + "\nenabled=false\n", one(toolkitRPM, "")},
		"yum's comment":  {repo, "[a]\n#baseurl=" + cudaRPM + "\n; baseurl=" + cudaRPM + "\n", nil},
		"no section":     {repo, "baseurl=" + cudaRPM + "\n", one(cudaRPM, "")},

		"nothing":   {list, "", nil},
		"no form":   {sources, "\x00\xff\n:\n=\n[\n", nil},
		"many":      {list, strings.Repeat("deb "+cudaDeb+" /\n", 3), []host.Repository{{URI: cudaDeb}, {URI: cudaDeb}, {URI: cudaDeb}}},
		"no end":    {sources, "URIs: " + cudaDeb, one(cudaDeb, "")},
		"a bracket": {list, "deb [signed-by=] " + cudaDeb + " /\n", one(cudaDeb, "")},
	} {
		t.Run(name, func(t *testing.T) {
			for i := range c.want {
				c.want[i].File = c.file
			}
			assert.DeepEqual(t, repositoriesIn(c.file, c.text), c.want)
		})
	}
}

func TestWhichFilesArePackageSources(t *testing.T) {
	line, entry := "deb "+cudaDeb+" /\n", "Types: deb\nURIs: "+cudaDeb+"\n"
	h := one(t, fake(t, files{
		"etc/apt/sources.list": line, "etc/apt/sources.list.d/a.list": line, "etc/apt/sources.list.d/b.sources": entry, "etc/apt/sources.list.d/c.list.save": line,
		"etc/apt/sources.list.d/d.list.distUpgrade": line, "etc/apt/sources.list~": line, "etc/yum.repos.d/e.repo": "[a]\nbaseurl=" + cudaRPM + "\n", "etc/yum.repos.d/f.repo.rpmnew": "[a]\nbaseurl=" + cudaRPM + "\n",
		"etc/zypp/repos.d/g.repo": "[a]\nbaseurl=" + cudaRPM + "\ntype=rpm-md\n", "etc/apt/sources.list.d/h.list": "→/opt/h", "opt/h": line,
		"etc/apt/sources.list.d/i.list": "→/gone", "etc/apt/sources.list.d/j.list": "deb http://deb.debian.org/debian trixie main\n",
	}), readRepositories)
	assert.DeepEqual(t, h.Toolkit.Sources, []string{"/etc/apt/sources.list", "/etc/apt/sources.list.d/a.list", "/etc/apt/sources.list.d/h.list", "/etc/apt/sources.list.d/b.sources",
		"/etc/yum.repos.d/e.repo", "/etc/zypp/repos.d/g.repo"})
	assert.Equal(t, len(h.Toolkit.Repositories), 6)
	assert.Equal(t, len(h.Unread), 0)
}

// What cannot be read is named, and the others are read.
func TestPackageSourcesThatCannotBeRead(t *testing.T) {
	m := fake(t, files{
		"etc/apt/sources.list.d/a.list": "deb " + cudaDeb + " /\n", "etc/apt/sources.list.d/b.list/": "",
		"etc/apt/sources.list.d/large.list": strings.Repeat("#", mostText+1), "etc/yum.repos.d": "a file",
	})
	h := one(t, m, readRepositories)
	assert.Equal(t, len(h.Toolkit.Repositories), 1)
	for _, what := range []string{"/etc/apt/sources.list.d/b.list is not a regular file", "/etc/apt/sources.list.d/large.list", "it is too large", "/etc/yum.repos.d cannot be read"} {
		assert.Assert(t, strings.Contains(h.Unread["it"], what), h.Unread["it"])
	}
	assert.Assert(t, !strings.Contains(h.Unread["it"], string(m.root)))
	if os.Getuid() == 0 {
		return // root reads everything
	}
	assert.NilError(t, os.Chmod(filepath.Join(string(m.root), "etc/apt/sources.list.d/a.list"), 0))
	assert.Assert(t, strings.Contains(one(t, m, readRepositories).Unread["it"], "/etc/apt/sources.list.d/a.list cannot be read: run with sudo"))
}

func TestOneFileWithManyAddresses(t *testing.T) {
	assert.Equal(t, len(repositoriesIn("/x.list", "deb "+strings.Repeat(cudaDeb+" ", 1000)+"\n")), 20)
}

func FuzzRepositories(f *testing.F) {
	f.Add("Types: deb\nURIs: " + cudaDeb + "\nSigned-By:\n -----BEGIN\n")
	f.Add("[a]\nbaseurl = " + cudaRPM + "\nenabled=0\n")
	f.Add("deb [signed-by=/k] " + toolkitDeb + " /")
	f.Fuzz(func(t *testing.T, text string) {
		for _, file := range []string{"/x.list", "/x.sources", "/x.repo"} {
			for _, r := range repositoriesIn(file, text) {
				if r.File != file || !strings.HasPrefix(r.URI, "http") {
					t.Fatalf("%+v", r)
				}
			}
		}
	})
}
