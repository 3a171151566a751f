package policy

// PythonDefault is the Python of an image that asks for none: a release that
// nearly every package has wheels for. Source: devguide.python.org/versions,
// PyPI's wheels. Date: 2026-11-24.
const PythonDefault = "3.12"

// PythonBase is the slim image of a Python; Debian's glibc 2.41 is over the
// 2.28 that PyTorch's manylinux wheels take. Source: hub.docker.com/_/python, 2026-11-23.
func PythonBase(python string) string { return "docker.io/library/python:" + python + "-slim-trixie" }

// PlainBase is the base of an image without Python. Source: hub.docker.com/_/debian, 2026-11-23.
const PlainBase = "docker.io/library/debian:trixie-slim"

// UV is a release of uv, which resolves and installs packages in builds.
type UV struct {
	Version string
	SHA256  string // of its wheel
	Source  string
	Date    string
}

// UVFor is the uv for a platform: "linux/amd64" or "linux/arm64". Its SHA256 is
// empty for any other.
func UVFor(platform string) UV {
	sha := map[string]string{
		"linux/amd64": "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",
		"linux/arm64": "5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe",
	}
	return UV{Version: "0.13.9", SHA256: sha[platform], Source: "manylinux_2_17 wheels of pypi.org/project/uv/0.13.9", Date: "2026-11-24"}
}
