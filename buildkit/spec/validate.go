package spec

import (
	"fmt"
	"io/fs"
	"maps"
	"math"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/distribution/reference"
)

var (
	pythonMinor = regexp.MustCompile(`^3\.\d{1,2}$`)
	aptName     = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+(:[a-z0-9]+)?(=[A-Za-z0-9.+~:-]+)?$`)
	userID      = regexp.MustCompile(`^([a-z_][a-z0-9_-]*|\d{1,10})(:([a-z_][a-z0-9_-]*|\d{1,10}))?$`)
	platform    = regexp.MustCompile(`^[a-z0-9]+(/[a-z0-9._-]+){0,2}$`)
	requirement = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\s*($|[\[<>=!~;@(])`)
	// A user name alone is one only for https: git+ssh://git@host is no secret.
	credentials = regexp.MustCompile(`[a-z+]+://[^/\s@]*:[^/\s@]*@|https?://[^/\s@]+@`)
	control     = regexp.MustCompile(`[\x00-\x1f\x7f]`)
)

// Validate refuses values that can only fail later, or that would be taken for
// something else, such as an option in place of a package. Whether wishes can be
// had together is for resolve to say.
func Validate(s Spec) error {
	for _, check := range []func(Spec) error{words, versionsOf, images, packages, files, account, addresses} {
		if err := check(s); err != nil {
			return err
		}
	}
	return nil
}

// words refuses control characters, which could forge lines in logs and files.
func words(s Spec) error {
	for _, of := range []struct {
		flag   string
		values []string
	}{
		{"--torch", []string{s.Torch}}, {"--cuda", []string{s.CUDA}}, {"--python", []string{s.Python}}, {"--base", []string{s.Base}},
		{"tool-base", []string{s.ToolBase}}, {"--requirements", s.Requirements}, {"--package", s.Packages}, {"--apt", s.Apt},
		{"--user", []string{s.User}}, {"--workdir", []string{s.WorkDir}}, {"--ca-bundle", []string{s.CABundle}},
		{"--target-gpu", s.Target.GPUs}, {"--target-driver", []string{s.Target.Driver}}, {"--platform", s.Platforms},
	} {
		for _, v := range of.values {
			if control.MatchString(v) {
				return fmt.Errorf("%s %q holds a line break or another control character", of.flag, v)
			}
		}
	}
	for _, v := range slices.Concat(s.Entrypoint, s.Cmd) {
		if strings.ContainsRune(v, 0) {
			return fmt.Errorf("the argument %q holds a NUL, which no program can be given", v)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(s.Labels)) {
		if k == "" || strings.ContainsAny(k, "= \t") || control.MatchString(k) {
			return fmt.Errorf("--label %q is no name of a label; write it as com.example.key=value", k)
		}
	}
	return nil
}

func versionsOf(s Spec) error {
	if s.Python != "" && !pythonMinor.MatchString(s.Python) {
		return fmt.Errorf("--python %q is no Python minor version; write it as \"3.12\"", s.Python)
	}
	for _, g := range s.Target.GPUs {
		if strings.TrimSpace(g) == "" {
			return fmt.Errorf("--target-gpu is empty; name a GPU (h100) or its compute capability (9.0)")
		}
	}
	if len(s.Platforms) > 8 {
		return fmt.Errorf("--platform names %d platforms; at most 8 are built at once", len(s.Platforms))
	}
	for i, p := range s.Platforms {
		if !platform.MatchString(strings.ToLower(p)) {
			return fmt.Errorf("--platform %q is no platform; write it as linux/arm64", p)
		}
		if slices.Contains(s.Platforms[:i], p) {
			return fmt.Errorf("--platform %s is named twice", p)
		}
	}
	return nil
}

func images(s Spec) error {
	if s.ToolBase != "" && !s.CUDAOnly {
		return fmt.Errorf("tool-base %s is for cuda-only images alone: in any other the base has the Python that installs", s.ToolBase)
	}
	for _, i := range [][2]string{{"--base", s.Base}, {"tool-base", s.ToolBase}} {
		if i[1] == "" {
			continue
		}
		if _, err := reference.ParseNormalizedNamed(i[1]); err != nil {
			return fmt.Errorf("%s %q is no image: %w", i[0], i[1], err)
		}
	}
	return nil
}

func packages(s Spec) error {
	for _, p := range s.Packages {
		if !requirement.MatchString(strings.TrimSpace(p)) {
			return fmt.Errorf("--package %q is no requirement; write it as numpy or \"numpy>=2\"", p)
		}
		if credentials.MatchString(p) {
			return fmt.Errorf("--package %s holds credentials, which would end up in the lock; put them into a netrc file and name it with --secret id=netrc,src=FILE",
				credentials.ReplaceAllString(p, "…@"))
		}
	}
	for _, p := range s.Apt {
		if !aptName.MatchString(p) {
			return fmt.Errorf("--apt %q is no Debian package name", p)
		}
	}
	return nil
}

// files refuses requirement files outside the project: the build sees only that.
func files(s Spec) error {
	for _, r := range s.Requirements {
		if !fs.ValidPath(path.Clean(strings.ReplaceAll(r, `\`, "/"))) || strings.HasPrefix(r, "-") || r == "" {
			return fmt.Errorf("-r %q is no file inside the project; name it relative to the project's directory", r)
		}
	}
	return nil
}

func account(s Spec) error {
	if s.User != "" && !userID.MatchString(s.User) {
		return fmt.Errorf("--user %q is no user; write a name, or UID or UID:GID", s.User)
	}
	for id := range strings.SplitSeq(s.User, ":") {
		// Engines start no container as a higher one (moby/sys/user: maxID).
		if n, err := strconv.ParseInt(id, 10, 64); err == nil && n > math.MaxInt32 {
			return fmt.Errorf("--user %q is no user; a UID or GID is at most %d", s.User, math.MaxInt32)
		}
	}
	if s.WorkDir != "" && (!path.IsAbs(s.WorkDir) || path.Clean(s.WorkDir) == "/") {
		return fmt.Errorf("--workdir %q is no directory inside the image; write an absolute path such as /app", s.WorkDir)
	}
	return nil
}

func addresses(s Spec) error {
	for _, u := range slices.Concat(s.Index.Extra, s.Index.FindLinks, []string{s.Index.URL, s.Index.Torch}) {
		if err := address(u); err != nil {
			return err
		}
	}
	return nil
}

func address(s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return fmt.Errorf("index %q is no http or https address", credentials.ReplaceAllString(s, "…@"))
	}
	if u.User != nil {
		u.User = nil
		return fmt.Errorf("index %s is given with credentials, which would end up in logs and provenance; put them into a netrc file and name it with --secret id=netrc,src=FILE", u)
	}
	return nil
}
