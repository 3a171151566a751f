// Package templates holds files that are written for users.
package templates

import _ "embed"

//go:embed Dockerfile.tmpl
var dockerfile string

// Dockerfile is the template of the Dockerfile that builds what docker gpu builds.
func Dockerfile() string { return dockerfile }
