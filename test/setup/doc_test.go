//go:build e2e

// Package setup has real package managers carry out plans: apt in root file systems of
// Debian 12 and 13, dnf and zypper in one that is theirs. What they install comes from
// repositories that the tests build and sign, over https with an authority of the tests' own.
// `make e2e` runs them; roots makes what they need.
package setup
