//go:build !race

package doctor

const slower = 1
