// Package verify proves that GPUs work in containers: the ladder of `docker gpu smoke`,
// its judge, and the image that its worker runs in. The judge is pure: what a container
// printed and what is known of the host in, a report out.
package verify
