package cuda

// golden is 2^64 divided by the golden ratio, the step of splitmix64.
const golden = 0x9E3779B97F4A7C15

// mix is the finalizer of splitmix64; ptx/fill.ptx says where it is from.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// Fill is what ptx/fill.ptx writes at place i.
func Fill(i int, seed uint64) uint64 { return mix(seed + uint64(i+1)*golden) }

// Checksum is what ptx/checksum.ptx adds up.
func Checksum(buffer []uint64) uint64 {
	var sum uint64
	for i, v := range buffer {
		sum += mix(v + uint64(i+1)*golden)
	}
	return sum
}
