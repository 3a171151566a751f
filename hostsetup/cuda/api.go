package cuda

import "unsafe"

// api is the driver API by its functions, as cuda.h declares them: a CUdevice is an int,
// a CUdeviceptr 64 bits, every other handle a pointer, and each returns a CUresult.
// Tests put functions of Go's here.
type api struct {
	library string // that they come from

	getErrorName   func(result int32, text **byte) int32
	getErrorString func(result int32, text **byte) int32

	init             func(flags uint32) int32
	driverGetVersion func(version *int32) int32

	deviceGetCount      func(count *int32) int32
	deviceGet           func(device *int32, ordinal int32) int32
	deviceGetName       func(name *byte, length int32, device int32) int32
	deviceGetUUID       func(uuid *[16]byte, device int32) int32
	deviceGetPCIBusID   func(id *byte, length int32, device int32) int32
	deviceGetAttribute  func(value *int32, attribute int32, device int32) int32
	deviceTotalMem      func(bytes *uint64, device int32) int32
	deviceCanAccessPeer func(can *int32, device, peer int32) int32

	primaryRetain    func(context *uintptr, device int32) int32
	primaryRelease   func(device int32) int32
	ctxSetCurrent    func(context uintptr) int32
	ctxSynchronize   func() int32
	ctxEnablePeer    func(peer uintptr, flags uint32) int32
	ctxDisablePeer   func(peer uintptr) int32
	moduleLoadDataEx func(module *uintptr, image *byte, options uint32, names *int32, values *jitValues) int32
	moduleUnload     func(module uintptr) int32
	moduleGetFunc    func(function *uintptr, module uintptr, name *byte) int32

	memGetInfo func(free, total *uint64) int32
	memAlloc   func(address *uint64, bytes uint64) int32
	memFree    func(address uint64) int32
	memsetD32  func(address uint64, value uint32, count uint64) int32
	memcpyHtoD func(to uint64, from unsafe.Pointer, bytes uint64) int32
	memcpyDtoH func(to unsafe.Pointer, from uint64, bytes uint64) int32
	memcpyDtoD func(to, from, bytes uint64) int32
	memcpyPeer func(to uint64, toContext uintptr, from uint64, fromContext uintptr, bytes uint64) int32

	launchKernel func(function uintptr, gridX, gridY, gridZ, blockX, blockY, blockZ, shared uint32, stream uintptr, parameters, extra *unsafe.Pointer) int32

	streamCreate      func(stream *uintptr, flags uint32) int32
	streamSynchronize func(stream uintptr) int32
	streamDestroy     func(stream uintptr) int32
	eventCreate       func(event *uintptr, flags uint32) int32
	eventRecord       func(event, stream uintptr) int32
	eventSynchronize  func(event uintptr) int32
	eventElapsedTime  func(milliseconds *float32, start, end uintptr) int32
	eventDestroy      func(event uintptr) int32
}

// jitValues are the values of the options of Context.Load in its order, an array of
// pointers in C. The log is held by a pointer, not by a number: a buffer that only a
// number knows may lie on a stack, which moves.
type jitValues struct {
	log   *byte
	size  uintptr
	level uintptr
}

// symbol is a function to look up: the first name that the library has counts.
type symbol struct {
	function any // a pointer to the field
	names    []string
}

// symbols are the exported names behind the fields. Names with _v2 are what cuda.h makes
// of those without by macros since CUDA 3.2 or 4.0, with 64-bit sizes; the function
// without is another one. The exception is cuDeviceGetUuid_v2 (CUDA 11.4), which differs
// only in that it gives a MIG device its own UUID.
func (a *api) symbols() []symbol {
	return []symbol{
		{&a.getErrorName, []string{"cuGetErrorName"}},
		{&a.getErrorString, []string{"cuGetErrorString"}},
		{&a.init, []string{"cuInit"}},
		{&a.driverGetVersion, []string{"cuDriverGetVersion"}},
		{&a.deviceGetCount, []string{"cuDeviceGetCount"}},
		{&a.deviceGet, []string{"cuDeviceGet"}},
		{&a.deviceGetName, []string{"cuDeviceGetName"}},
		{&a.deviceGetUUID, []string{"cuDeviceGetUuid_v2", "cuDeviceGetUuid"}},
		{&a.deviceGetPCIBusID, []string{"cuDeviceGetPCIBusId"}},
		{&a.deviceGetAttribute, []string{"cuDeviceGetAttribute"}},
		{&a.deviceTotalMem, []string{"cuDeviceTotalMem_v2"}},
		{&a.deviceCanAccessPeer, []string{"cuDeviceCanAccessPeer"}},
		{&a.primaryRetain, []string{"cuDevicePrimaryCtxRetain"}},
		{&a.primaryRelease, []string{"cuDevicePrimaryCtxRelease_v2", "cuDevicePrimaryCtxRelease"}},
		{&a.ctxSetCurrent, []string{"cuCtxSetCurrent"}},
		{&a.ctxSynchronize, []string{"cuCtxSynchronize"}},
		{&a.ctxEnablePeer, []string{"cuCtxEnablePeerAccess"}},
		{&a.ctxDisablePeer, []string{"cuCtxDisablePeerAccess"}},
		{&a.moduleLoadDataEx, []string{"cuModuleLoadDataEx"}},
		{&a.moduleUnload, []string{"cuModuleUnload"}},
		{&a.moduleGetFunc, []string{"cuModuleGetFunction"}},
		{&a.memGetInfo, []string{"cuMemGetInfo_v2"}},
		{&a.memAlloc, []string{"cuMemAlloc_v2"}},
		{&a.memFree, []string{"cuMemFree_v2"}},
		{&a.memsetD32, []string{"cuMemsetD32_v2"}},
		{&a.memcpyHtoD, []string{"cuMemcpyHtoD_v2"}},
		{&a.memcpyDtoH, []string{"cuMemcpyDtoH_v2"}},
		{&a.memcpyDtoD, []string{"cuMemcpyDtoD_v2"}},
		{&a.memcpyPeer, []string{"cuMemcpyPeer"}},
		{&a.launchKernel, []string{"cuLaunchKernel"}},
		{&a.streamCreate, []string{"cuStreamCreate"}},
		{&a.streamSynchronize, []string{"cuStreamSynchronize"}},
		{&a.streamDestroy, []string{"cuStreamDestroy_v2"}},
		{&a.eventCreate, []string{"cuEventCreate"}},
		{&a.eventRecord, []string{"cuEventRecord"}},
		{&a.eventSynchronize, []string{"cuEventSynchronize"}},
		{&a.eventElapsedTime, []string{"cuEventElapsedTime"}},
		{&a.eventDestroy, []string{"cuEventDestroy_v2"}},
	}
}

// bind looks every function up before any is used; register makes an address callable.
func (a *api) bind(library string, lookup func(string) (uintptr, error), register func(function any, address uintptr)) error {
	a.library = library
	for _, s := range a.symbols() {
		var address uintptr
		for _, name := range s.names {
			if found, err := lookup(name); err == nil && found != 0 {
				address = found
				break
			}
		}
		if address == 0 {
			return &SymbolError{Library: library, Symbol: s.names[0]}
		}
		register(s.function, address)
	}
	return nil
}
