// Package policy holds the facts of the field that the project decides by, as
// dated and sourced tables: which PyTorch exists for which CUDA and Python, what
// driver each CUDA takes, which GPU has which architecture.
//
// A row holds what was established, and says from what and when. What nobody
// could establish is left out and marked (Wheels.Partial), never guessed: the
// resolver then asks the wheel index, or says that it does not know.
//
// # Refreshing
//
// Open the sources that a table's rows name, change rows and dates, run the
// tests: they check the tables against each other.
//
//   - PyTorch on PyPI: `uv pip compile --no-deps --universal --format pylock.toml`
//     of torch==X lists its wheels with Pythons, platforms and sizes. Its
//     requirements (cuda-toolkit or nvidia-*-cu12) tell the CUDA of the default
//     wheel; a Linux wheel that requires none of them, of some 100 MB, has none.
//   - PyTorch's other variants: a listing of download.pytorch.org/whl/<variant>/torch/.
//     Published wheels win over RELEASE.md and the build matrix, which disagree.
//   - Architectures: a wheel's torch/lib/libtorch_python.so holds the text that
//     torch.cuda.get_arch_list() returns, "sm_75 sm_80 …"; no GPU is needed to read it.
//   - Drivers: the release notes of a CUDA Toolkit, tables 2 and 3.
//   - NVML's numbers and nvidia-smi's words: nvml.h of the newest go-nvml (a new
//     NVML_DEVICE_ARCH_*, nvmlClocksEventReason*, NVML_GPU_RECOVERY_ACTION_*), and what
//     `nvidia-smi -q -x` of a new driver branch prints.
//   - PCI ids: pci.ids of pci-ids.ucw.cz, section 10de: the first and the last id of each
//     chip must lie in its range; chips that it does not name yet are in NVIDIA/gpu-admin-tools.
//   - Hypervisors and containers: src/basic/virt.c of systemd.
//   - Packages: packages.ubuntu.com, the listings of NVIDIA's repositories, rpmfusion.org.
//   - CDI's fields: specs-go/version.go of the newest CDI module.
//   - uv: `pip download --no-deps --platform manylinux_2_17_<machine> uv==X`, then sha256sum.
//
// The tables are functions, so that loading the program costs nothing.
package policy
