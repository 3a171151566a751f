// Package policy holds the facts of the field that the project decides by, as
// dated and sourced tables: which PyTorch exists for which CUDA and Python, what
// driver each CUDA needs, which GPU has which architecture.
//
// To refresh a table, open the sources that its rows name, change the rows and
// their dates, and run the tests: they check the tables against each other.
// PyTorch's rows: the package index lists torch's wheels (Python versions,
// platforms) and `uv pip compile` of a release shows its default CUDA; the other
// variants stand in pytorch/pytorch RELEASE.md and pytorch/test-infra
// tools/scripts/generate_binary_build_matrix.py. Published wheels win over both.
//
// The tables are functions, so that loading the program costs nothing.
package policy
