package spec

import (
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
)

var (
	aptName = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+(:[a-z0-9]+)?(=[A-Za-z0-9.+~:-]+)?$`)
	userID  = regexp.MustCompile(`^([a-z_][a-z0-9_-]*|\d{1,10})(:([a-z_][a-z0-9_-]*|\d{1,10}))?$`)
)

// Validate refuses values that can only fail later, or that would be taken for
// something else, such as an option in place of a package.
func Validate(s Spec) error {
	for _, p := range s.Packages {
		if strings.ContainsAny(p, "\n\r") || strings.HasPrefix(strings.TrimSpace(p), "-") || strings.TrimSpace(p) == "" {
			return fmt.Errorf("--package %q is no requirement; write it as numpy or \"numpy>=2\"", p)
		}
	}
	for _, p := range s.Apt {
		if !aptName.MatchString(p) {
			return fmt.Errorf("--apt %q is no Debian package name", p)
		}
	}
	if s.User != "" && !userID.MatchString(s.User) {
		return fmt.Errorf("--user %q is no user; write a name, or UID or UID:GID", s.User)
	}
	if s.WorkDir != "" && (!path.IsAbs(s.WorkDir) || path.Clean(s.WorkDir) == "/") {
		return fmt.Errorf("--workdir %q is no directory inside the image; write an absolute path such as /app", s.WorkDir)
	}
	if len(s.Platforms) > 8 {
		return fmt.Errorf("--platform names %d platforms; at most 8 are built at once", len(s.Platforms))
	}
	urls := append(append([]string{}, s.Index.Extra...), s.Index.FindLinks...)
	for _, u := range append(urls, s.Index.URL, s.Index.Torch) {
		if err := indexURL(u); err != nil {
			return err
		}
	}
	return nil
}

func indexURL(s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return fmt.Errorf("index %q is no http or https address", s)
	}
	if u.User != nil {
		return fmt.Errorf("index %s holds credentials, which would end up in logs and provenance; put them into a netrc file and name it with --secret id=netrc,src=FILE", u.Redacted())
	}
	return nil
}
