package spec

import (
	"strings"
	"testing"

	"gotest.tools/v3/assert"
)

// Each wrong value is refused with its flag, itself and what would be right.
func TestValidateSaysWhatIsWrongAndWhatWouldBeRight(t *testing.T) {
	for _, c := range []struct {
		spec Spec
		says string
	}{
		{Spec{Torch: "2.14\n"}, `--torch "2.14\n" holds a line break or another control character`},
		{Spec{CUDA: "\x1b[31m13.0"}, `--cuda "\x1b[31m13.0" holds a line break or another control character`},
		{Spec{Base: "debian\x7f"}, `--base "debian\x7f" holds a line break or another control character`},
		{Spec{Target: Target{GPUs: []string{"h100", "h\t200"}}}, `--target-gpu "h\t200" holds a line break or another control character`},
		{Spec{Target: Target{Driver: "570\r"}}, `--target-driver "570\r" holds a line break or another control character`},
		{Spec{CABundle: "ca\npem"}, `--ca-bundle "ca\npem" holds a line break or another control character`},
		{Spec{Requirements: []string{"a\x00.txt"}}, `--requirements "a\x00.txt" holds a line break or another control character`},
		{Spec{CUDAOnly: true, ToolBase: "a\nb"}, `tool-base "a\nb" holds a line break or another control character`},
		{Spec{Cmd: []string{"a", "b\x00c"}}, `the argument "b\x00c" holds a NUL, which no program can be given`},
		{Spec{Entrypoint: []string{"\x00"}}, `the argument "\x00" holds a NUL, which no program can be given`},
		{Spec{Labels: map[string]string{"": "x"}}, `--label "" is no name of a label; write it as com.example.key=value`},
		{Spec{Labels: map[string]string{"a b": "x"}}, `--label "a b" is no name of a label; write it as com.example.key=value`},
		{Spec{Labels: map[string]string{"a=b": "x"}}, `--label "a=b" is no name of a label; write it as com.example.key=value`},
		{Spec{Labels: map[string]string{"a\x1b": "x"}}, `--label "a\x1b" is no name of a label; write it as com.example.key=value`},

		{Spec{Python: "3"}, `--python "3" is no Python minor version; write it as "3.12"`},
		{Spec{Python: "3.12.1"}, `--python "3.12.1" is no Python minor version; write it as "3.12"`},
		{Spec{Python: "2.7"}, `--python "2.7" is no Python minor version; write it as "3.12"`},
		{Spec{Python: "python3.12"}, `--python "python3.12" is no Python minor version; write it as "3.12"`},
		{Spec{Target: Target{GPUs: []string{" "}}}, `--target-gpu is empty; name a GPU (h100) or its compute capability (9.0)`},
		{Spec{Platforms: []string{"linux/amd64;rm"}}, `--platform "linux/amd64;rm" is no platform; write it as linux/arm64`},
		{Spec{Platforms: []string{"linux//arm64"}}, `--platform "linux//arm64" is no platform; write it as linux/arm64`},
		{Spec{Platforms: []string{""}}, `--platform "" is no platform; write it as linux/arm64`},
		{Spec{Platforms: []string{"linux/amd64", "linux/arm64", "linux/amd64"}}, `--platform linux/amd64 is named twice`},
		{Spec{Platforms: strings.Split(strings.Repeat("linux/amd64,", 9), ",")[:9]}, `--platform names 9 platforms; at most 8 are built at once`},

		{Spec{ToolBase: "python:3.12"}, `tool-base python:3.12 is for cuda-only images alone: in any other the base has the Python that installs`},
		{Spec{Base: "Debian"}, `--base "Debian" is no image: invalid reference format: repository name (library/Debian) must be lowercase`},
		{Spec{Base: "https://hub.docker.com/_/debian"}, `--base "https://hub.docker.com/_/debian" is no image: invalid reference format`},
		{Spec{Base: "-v"}, `--base "-v" is no image: invalid reference format`},
		{Spec{CUDAOnly: true, ToolBase: "a b"}, `tool-base "a b" is no image: invalid reference format`},

		// What would be an option, a second requirement or a comment in a requirement file.
		{Spec{Packages: []string{"--index-url=https://evil"}}, `--package "--index-url=https://evil" is no requirement; write it as numpy or "numpy>=2"`},
		{Spec{Packages: []string{"numpy --index-url https://evil"}}, `--package "numpy --index-url https://evil" is no requirement; write it as numpy or "numpy>=2"`},
		{Spec{Packages: []string{"numpy pandas"}}, `--package "numpy pandas" is no requirement; write it as numpy or "numpy>=2"`},
		{Spec{Packages: []string{"numpy\\"}}, `--package "numpy\\" is no requirement; write it as numpy or "numpy>=2"`},
		{Spec{Packages: []string{"# numpy"}}, `--package "# numpy" is no requirement; write it as numpy or "numpy>=2"`},
		{Spec{Packages: []string{"./wheels/mine.whl"}}, `--package "./wheels/mine.whl" is no requirement; write it as numpy or "numpy>=2"`},
		{Spec{Packages: []string{"mine-"}}, `--package "mine-" is no requirement; write it as numpy or "numpy>=2"`},
		{Spec{Packages: []string{" "}}, `--package " " is no requirement; write it as numpy or "numpy>=2"`},
		{Spec{Apt: []string{""}}, `--apt "" is no Debian package name`},
		{Spec{Apt: []string{"git;reboot"}}, `--apt "git;reboot" is no Debian package name`},
		{Spec{Apt: []string{"$(id)"}}, `--apt "$(id)" is no Debian package name`},
		{Spec{Apt: []string{"Git"}}, `--apt "Git" is no Debian package name`},
		{Spec{Apt: []string{"git="}}, `--apt "git=" is no Debian package name`},

		{Spec{Requirements: []string{""}}, `-r "" is no file inside the project; name it relative to the project's directory`},
		{Spec{Requirements: []string{"/etc/passwd"}}, `-r "/etc/passwd" is no file inside the project; name it relative to the project's directory`},
		{Spec{Requirements: []string{"a/../../b.txt"}}, `-r "a/../../b.txt" is no file inside the project; name it relative to the project's directory`},
		{Spec{Requirements: []string{`..\b.txt`}}, `-r "..\\b.txt" is no file inside the project; name it relative to the project's directory`},
		{Spec{Requirements: []string{"-e"}}, `-r "-e" is no file inside the project; name it relative to the project's directory`},

		{Spec{User: "root;id"}, `--user "root;id" is no user; write a name, or UID or UID:GID`},
		{Spec{User: "1000:"}, `--user "1000:" is no user; write a name, or UID or UID:GID`},
		{Spec{User: ":1000"}, `--user ":1000" is no user; write a name, or UID or UID:GID`},
		{Spec{User: "-1"}, `--user "-1" is no user; write a name, or UID or UID:GID`},
		// No engine starts a container as such a user: its image would be good for nothing.
		{Spec{User: "2147483648"}, `--user "2147483648" is no user; a UID or GID is at most 2147483647`},
		{Spec{User: "1000:4294967296"}, `--user "1000:4294967296" is no user; a UID or GID is at most 2147483647`},
		{Spec{WorkDir: "/app/../.."}, `--workdir "/app/../.." is no directory inside the image; write an absolute path such as /app`},
		{Spec{WorkDir: "//"}, `--workdir "//" is no directory inside the image; write an absolute path such as /app`},
		{Spec{WorkDir: "~/app"}, `--workdir "~/app" is no directory inside the image; write an absolute path such as /app`},
		{Spec{WorkDir: `C:\app`}, `--workdir "C:\\app" is no directory inside the image; write an absolute path such as /app`},

		{Spec{Index: Index{URL: "pypi.org/simple"}}, `index "pypi.org/simple" is no http or https address`},
		{Spec{Index: Index{Torch: "https://"}}, `index "https://" is no http or https address`},
		{Spec{Index: Index{FindLinks: []string{"file:///wheels"}}}, `index "file:///wheels" is no http or https address`},
		{Spec{Index: Index{URL: "https://x/\x1b"}}, `index "https://x/\x1b" is no http or https address`},
	} {
		t.Run(c.says, func(t *testing.T) { assert.Error(t, Validate(c.spec), c.says) })
	}
}

func TestValidateTakesWhatPeopleWrite(t *testing.T) {
	for _, s := range []Spec{
		{},
		{Torch: "2.14", CUDA: "cu126", Python: "3.9", Base: "registry.example.com:5000/team/base:1@sha256:" + strings.Repeat("a", 64)},
		{Packages: []string{"a", "numpy", "numpy >= 2", "zope.interface~=7.0", "uvicorn[standard]", "x ; python_version > '3.9'", "x(>=1)", "x!=2",
			"mine @ https://example.com/mine.whl", "mine@ git+ssh://git@example.com/mine"}},
		{Apt: []string{"git", "g++", "libc6:arm64", "git=1:2.47.2-0.1+b1", "0ad"}},
		{Requirements: []string{"requirements.txt", "./a/b.txt", "a/../b.txt", "deep/er/r-1.txt", "with blank.txt"}},
		{User: "root"}, {User: "0"}, {User: "2147483647:2147483647"}, {User: "_apt"}, {User: "www-data:www-data"}, {User: "app:100"},
		{WorkDir: "/srv/app/"}, {WorkDir: "/a b"},
		{Platforms: []string{"linux/amd64", "linux/arm64/v8", "LINUX/ARM64", "arm64"}},
		{CUDAOnly: true, ToolBase: "python:3.12-slim"},
		{Labels: map[string]string{"com.example.key": "any\ntext", "Bare": ""}, Cmd: []string{"sh", "-c", "a\nb", ""}},
		{Index: Index{URL: "http://mirror.local:8080/simple/", Extra: []string{"https://x"}, FindLinks: []string{"https://x/wheels.html?a=b"}, Torch: "https://x/whl/cu126"}},
	} {
		assert.NilError(t, Validate(s), "%+v", s)
	}
}

// A password reaches no message, whatever it is wrong with.
func TestValidateKeepsSecrets(t *testing.T) {
	for _, s := range []Spec{
		{Index: Index{URL: "https://me:hunter2@x/simple"}},
		{Index: Index{Extra: []string{"https://hunter2@x/simple"}}},
		{Index: Index{Torch: "ftp://me:hunter2@x"}},
		{Index: Index{FindLinks: []string{"https://me:hunter2@/"}}},
		{Index: Index{URL: "https://me:hunter2@x/%zz"}},
		{Packages: []string{"mine @ https://me:hunter2@x/mine.whl"}},
		{Packages: []string{"mine @ git+https://hunter2@x/mine"}},
		{Packages: []string{"mine @ git+ssh://me:hunter2@x/mine"}},
	} {
		err := Validate(s)
		assert.Assert(t, err != nil, "%+v", s)
		assert.Assert(t, !strings.Contains(err.Error(), "hunter2"), "%v", err)
	}
	for _, s := range []Spec{{Index: Index{URL: "https://me:hunter2@x"}}, {Packages: []string{"mine @ https://me:hunter2@x/mine.whl"}}} {
		assert.ErrorContains(t, Validate(s), "--secret id=netrc,src=FILE")
	}
}

func TestWants(t *testing.T) {
	for _, s := range []Spec{{Torch: "auto"}, {CUDAOnly: true}, {Requirements: []string{"a"}}, {Packages: []string{"a"}}, {Apt: []string{"a"}}} {
		assert.Assert(t, s.Wants(), "%+v", s)
	}
	for _, s := range []Spec{{}, {Base: "a"}, {Python: "3.12"}, {Cmd: []string{"a"}}, {Labels: map[string]string{"a": "b"}}, {CUDA: "12.6"}} {
		assert.Assert(t, !s.Wants(), "%+v", s)
	}
}
