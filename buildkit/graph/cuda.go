package graph

import (
	"strings"

	"github.com/dockergpu/docker-gpu/buildkit/resolve"
)

// CUDALibraryDirs are the directories that NVIDIA's wheels of a --cuda-only
// image put libraries into: one for all of CUDA 13, one per library before.
func CUDALibraryDirs(plan resolve.Plan) []string {
	site := Venv + "/lib/python" + plan.Python + "/site-packages/nvidia/"
	if major, _, _ := strings.Cut(plan.CUDA, "."); major == "13" {
		return []string{site + "cu13/lib", site + "cudnn/lib", site + "nccl/lib"}
	}
	var dirs []string
	for _, name := range []string{"cuda_runtime", "cuda_nvrtc", "cublas", "cufft", "curand", "cusolver", "cusparse", "nvjitlink", "cudnn", "nccl"} {
		dirs = append(dirs, site+name+"/lib")
	}
	return dirs
}
