package cuda

import "math"

// Format is a number format that a GPU multiplies in.
type Format struct {
	Name    string
	Kernels []string // the newest first; the first that the GPU can run is taken
	// Bits are the significant bits of the inputs that are used. Formats of the tensor
	// cores share inputs that the coarsest of them, bf16, holds exactly.
	Bits int
	// Unit is the roundoff unit of the sums.
	Unit float64
	// Encode is a value in the format, nil where it stays a float32.
	Encode func(float32) uint16
}

// Roundoff units. Tensor cores add in fp32 but cut off instead of rounding, which doubles
// the unit (Fasi, Higham, Mikaitis, Pranesh: Numerical behavior of NVIDIA tensor cores,
// PeerJ Computer Science 7:e330, 2021).
const (
	rounding = 1.0 / (1 << 24)
	cutting  = 1.0 / (1 << 23)
)

// Formats are those that smoke tests, in its order.
func Formats() []Format {
	return []Format{
		{Name: "fp32", Kernels: []string{"gemm_fp32"}, Bits: 24, Unit: rounding},
		{Name: "tf32", Kernels: []string{"gemm_tf32"}, Bits: 8, Unit: cutting},
		{Name: "fp16", Kernels: []string{"gemm_fp16", "gemm_fp16_sm75"}, Bits: 8, Unit: cutting, Encode: half},
		{Name: "bf16", Kernels: []string{"gemm_bf16"}, Bits: 8, Unit: cutting, Encode: brain},
	}
}

// Tolerance is what may be wrong with a product of inner size k, relative to |A||B| of
// each element: with exact inputs |C - AB| <= gamma_k |A||B|, gamma_k = k u / (1 - k u)
// (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.5), with the
// probabilistic sqrt(k) in place of k (Higham and Mary 2019), a factor of 4, and one
// rounding of the result. buildkit/verify/verify.py has the same form.
func (f Format) Tolerance(k int) float64 {
	return 4*math.Sqrt(float64(k))*f.Unit + f.Unit
}

// brain is a value in bf16: the upper half of a float32. Inputs here have no lower half.
func brain(v float32) uint16 { return uint16(math.Float32bits(v) >> 16) }

// half is a value in fp16, for values that it holds exactly as normal numbers, and zero.
func half(v float32) uint16 {
	b := math.Float32bits(v)
	sign := uint16(b >> 16 & 0x8000)
	if v == 0 {
		return sign
	}
	exponent := int(b>>23&0xff) - 127 + 15
	return sign | uint16(exponent)<<10 | uint16(b>>13&0x3ff)
}
