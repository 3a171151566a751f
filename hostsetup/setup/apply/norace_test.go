//go:build !race

package apply

const every = 1
