package apply

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/dockergpu/docker-gpu/hostsetup/setup"
	"github.com/dockergpu/docker-gpu/hostsetup/setup/journal"
)

// request is a line from the user's process to root's helper.
type request struct {
	// Do is "apply", "resume", "keep", "rollback", "runs", or of one that is under way
	// "answer" or "stop".
	Do   string      `json:"do"`
	ID   string      `json:"id,omitempty"`
	Plan *setup.Plan `json:"plan,omitempty"`
	Back *Back       `json:"back,omitempty"`
	Yes  bool        `json:"yes,omitempty"`
	// Proxies are the user's, by the names of their variables: becoming root loses them.
	Proxies map[string]string `json:"proxies,omitempty"`
}

// reply is a line from the helper: one of its fields is set.
type reply struct {
	Hello  int     `json:"hello,omitempty"` // the format that it speaks
	Event  *Event  `json:"event,omitempty"`
	Ask    string  `json:"ask,omitempty"`
	Result *result `json:"result,omitempty"`
}

// result ends what a request began.
type result struct {
	Ran   bool   `json:"ran,omitempty"`
	Runs  []Run  `json:"runs,omitempty"`
	Fault *fault `json:"fault,omitempty"`
}

// fault is an error with what callers tell apart.
type fault struct {
	Text       string         `json:"text"`
	Edited     []*Edited      `json:"edited,omitempty"`
	Stopped    *Stopped       `json:"stopped,omitempty"`
	Unfinished *Unfinished    `json:"unfinished,omitempty"`
	WrongKey   *WrongKey      `json:"wrongKey,omitempty"`
	Declined   *Declined      `json:"declined,omitempty"`
	Never      *NeverBegan    `json:"never,omitempty"`
	NoRun      *journal.NoRun `json:"noRun,omitempty"`
	Busy       *journal.Busy  `json:"busy,omitempty"`
}

// Error implements error.
func (f *fault) Error() string { return f.Text }

// Unwrap implements errors.Unwrap.
func (f *fault) Unwrap() (all []error) {
	for _, e := range f.Edited {
		all = append(all, e)
	}
	add := func(there bool, err error) {
		if there {
			all = append(all, err)
		}
	}
	add(f.Stopped != nil, f.Stopped)
	add(f.Unfinished != nil, f.Unfinished)
	add(f.WrongKey != nil, f.WrongKey)
	add(f.Declined != nil, f.Declined)
	add(f.Never != nil, f.Never)
	add(f.NoRun != nil, f.NoRun)
	add(f.Busy != nil, f.Busy)
	return all
}

func faultOf(err error) *fault {
	if err == nil {
		return nil
	}
	f := &fault{Text: strings.ToValidUTF8(err.Error(), "?"), Edited: allEdited(err)}
	errors.As(err, &f.Stopped)
	errors.As(err, &f.Unfinished)
	errors.As(err, &f.WrongKey)
	errors.As(err, &f.Declined)
	errors.As(err, &f.Never)
	errors.As(err, &f.NoRun)
	errors.As(err, &f.Busy)
	return f
}

// allEdited are all files of which an error says that somebody else has changed them.
func allEdited(err error) (all []*Edited) {
	switch e := err.(type) {
	case *Edited:
		return []*Edited{e}
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			all = append(all, allEdited(inner)...)
		}
	case interface{ Unwrap() error }:
		return allEdited(e.Unwrap())
	}
	return all
}

// proxies are the variables that name a proxy.
func proxies() []string {
	return []string{"http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}
}

// takeProxies has this process, and the programs that it starts, use the user's proxies. What
// comes through them is signed, or compared by its fingerprint.
func takeProxies(values map[string]string) error {
	for _, name := range proxies() {
		value := values[name]
		if value == "" || os.Getenv(name) != "" {
			continue
		}
		if u, err := url.Parse(value); !strings.EqualFold(name, "no_proxy") && (err != nil || u.Host == "") || strings.ContainsAny(value, "\x00\n") {
			return fmt.Errorf("%s is not the address of a proxy", name)
		}
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return nil
}
