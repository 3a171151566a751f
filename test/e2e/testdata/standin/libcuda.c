/* A stand-in for libcuda.so.1, for tests alone. It proves the plumbing of `docker gpu smoke`
   (that the worker is started on each route, finds a driver, and that its words are judged),
   and nothing about a GPU: it has none. Memory is the processor's, and a kernel is not run
   but done here by the name of its entry. Functions are those of hostsetup/cuda/api.go.

   GPUS is how many devices it shows; their UUIDs end in 55, 56, … What shall go wrong is
   compiled in: each AT_ is a statement at that place, nothing unless given, e.g.
   cc -D'AT_INIT=return 999;' or -D'AT_LAUNCH=abort();'. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef GPUS
#define GPUS 1
#endif
#ifndef AT_INIT
#define AT_INIT
#endif
#ifndef AT_CONTEXT
#define AT_CONTEXT
#endif
#ifndef AT_ALLOC
#define AT_ALLOC
#endif
#ifndef AT_LAUNCH
#define AT_LAUNCH
#endif
#ifndef AT_DOWNLOAD /* of bytes at host */
#define AT_DOWNLOAD
#endif
#ifndef AT_PRODUCT /* of the kernel entry, in c */
#define AT_PRODUCT
#endif
#ifndef AT_PEER
#define AT_PEER
#endif

typedef uint64_t address;

enum { INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_FOUND = 500, UNKNOWN = 999 };

int cuGetErrorName(int result, const char **text)
{
	switch (result) {
	case OUT_OF_MEMORY: *text = "CUDA_ERROR_OUT_OF_MEMORY"; return 0;
	case UNKNOWN: *text = "CUDA_ERROR_UNKNOWN"; return 0;
	}
	return INVALID_VALUE;
}

int cuGetErrorString(int result, const char **text)
{
	switch (result) {
	case OUT_OF_MEMORY: *text = "out of memory"; return 0;
	case UNKNOWN: *text = "unknown error"; return 0;
	}
	return INVALID_VALUE;
}

/* Devices. */
int cuInit(unsigned flags) { AT_INIT return 0; }
int cuDriverGetVersion(int *version) { *version = 13000; return 0; }
int cuDeviceGetCount(int *count) { *count = GPUS; return 0; }
int cuDeviceGet(int *device, int ordinal) { *device = ordinal; return 0; }
int cuDeviceGetName(char *name, int length, int device) { strncpy(name, "NVIDIA H200", length); return 0; }
int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = 8ull << 30; return 0; }
int cuDeviceCanAccessPeer(int *can, int device, int peer) { *can = 1; return 0; }

int cuDeviceGetUuid_v2(unsigned char *uuid, int device)
{
	static const unsigned char first[16] = {0x11, 0x11, 0x11, 0x11, 0x22, 0x22, 0x33, 0x33, 0x44, 0x44, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55};
	memcpy(uuid, first, 16);
	uuid[15] += device;
	return 0;
}

int cuDeviceGetPCIBusId(char *id, int length, int device)
{
	strncpy(id, "0000:65:00.0", length);
	id[6] += device;
	return 0;
}

int cuDeviceGetAttribute(int *value, int attribute, int device)
{
	*value = attribute == 75 ? 9 : 0; /* compute capability 9.0 */
	return 0;
}

/* Contexts and modules; a function is its name. */
int cuDevicePrimaryCtxRetain(intptr_t *context, int device) { AT_CONTEXT *context = device + 1; return 0; }
int cuDevicePrimaryCtxRelease_v2(int device) { return 0; }
int cuCtxSetCurrent(intptr_t context) { return 0; }
int cuCtxSynchronize(void) { return 0; }
int cuCtxEnablePeerAccess(intptr_t peer, unsigned flags) { AT_PEER return 0; }
int cuCtxDisablePeerAccess(intptr_t peer) { return 0; }
int cuModuleLoadDataEx(intptr_t *module, const char *ptx, unsigned count, int *options, void **values) { *module = (intptr_t)strdup(ptx); return 0; }
int cuModuleUnload(intptr_t module) { free((char *)module); return 0; }

int cuModuleGetFunction(char **function, intptr_t module, const char *name)
{
	if (!strstr((char *)module, name))
		return NOT_FOUND;
	*function = strdup(name);
	return 0;
}

/* Memory. */
int cuMemGetInfo_v2(size_t *free, size_t *total) { *free = 4ull << 30; *total = 8ull << 30; return 0; }
int cuMemAlloc_v2(address *at, size_t bytes) { AT_ALLOC *at = (address)malloc(bytes); return 0; }
int cuMemFree_v2(address at) { free((void *)at); return 0; }
int cuMemcpyHtoD_v2(address to, const void *host, size_t bytes) { memcpy((void *)to, host, bytes); return 0; }
int cuMemcpyDtoH_v2(unsigned char *host, address from, size_t bytes) { memcpy(host, (void *)from, bytes); AT_DOWNLOAD return 0; }
int cuMemcpyDtoD_v2(address to, address from, size_t bytes) { memcpy((void *)to, (void *)from, bytes); return 0; }
int cuMemcpyPeer(address to, intptr_t there, address from, intptr_t here, size_t bytes) { memcpy((void *)to, (void *)from, bytes); return 0; }

int cuMemsetD32_v2(address at, unsigned value, size_t count)
{
	for (size_t i = 0; i < count; i++)
		((unsigned *)at)[i] = value;
	return 0;
}

/* Kernels. */
static const uint64_t golden = 0x9E3779B97F4A7C15;

static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
	z = (z ^ z >> 27) * 0x94D049BB133111EB;
	return z ^ z >> 31;
}

/* number is element i of a matrix in the format of a kernel. */
static float number(const char *kernel, const void *matrix, size_t i)
{
	union { uint32_t bits; float value; } v;
	uint16_t half;
	if (strstr(kernel, "32"))
		return ((const float *)matrix)[i];
	half = ((const uint16_t *)matrix)[i];
	if (strstr(kernel, "bf16"))
		v.bits = (uint32_t)half << 16;
	else /* an fp16 that is normal, or zero */
		v.bits = (half & 0x8000u) << 16 | (half & 0x7fff ? ((half & 0x7fffu) << 13) + (112u << 23) : 0);
	return v.value;
}

static float *numbers(const char *kernel, const void *matrix, size_t count)
{
	float *all = malloc(count * sizeof *all);
	for (size_t i = 0; i < count; i++)
		all[i] = number(kernel, matrix, i);
	return all;
}

static void multiply(const char *entry, float *c, const void *a, const void *b, size_t n)
{
	float *rows = numbers(entry, a, n * n), *columns = numbers(entry, b, n * n);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) {
			float sum = 0;
			for (size_t k = 0; k < n; k++)
				sum += rows[i * n + k] * columns[j * n + k];
			c[i * n + j] = sum;
		}
	free(rows);
	free(columns);
	AT_PRODUCT
}

int cuLaunchKernel(const char *entry, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, intptr_t stream, uint64_t **parameters, void **extra)
{
	AT_LAUNCH
	if (!strcmp(entry, "fill")) {
		uint64_t *buffer = (uint64_t *)*parameters[0], count = *parameters[1], seed = *parameters[2];
		for (uint64_t i = 0; i < count; i++)
			buffer[i] = mix(seed + (i + 1) * golden);
	} else if (!strcmp(entry, "checksum")) {
		uint64_t *sum = (uint64_t *)*parameters[0], *buffer = (uint64_t *)*parameters[1], count = *parameters[2];
		for (uint64_t i = 0; i < count; i++)
			*sum += mix(buffer[i] + (i + 1) * golden);
	} else if (!strncmp(entry, "gemm_", 5)) {
		multiply(entry, (float *)*parameters[0], (void *)*parameters[1], (void *)*parameters[2], *parameters[3]);
	} else {
		return NOT_FOUND;
	}
	return 0;
}

/* Streams and events: everything is done at once. */
int cuStreamCreate(intptr_t *stream, unsigned flags) { *stream = 1; return 0; }
int cuStreamSynchronize(intptr_t stream) { return 0; }
int cuStreamDestroy_v2(intptr_t stream) { return 0; }
int cuEventCreate(intptr_t *event, unsigned flags) { *event = 1; return 0; }
int cuEventRecord(intptr_t event, intptr_t stream) { return 0; }
int cuEventSynchronize(intptr_t event) { return 0; }
int cuEventElapsedTime(float *milliseconds, intptr_t start, intptr_t end) { *milliseconds = 1; return 0; }
int cuEventDestroy_v2(intptr_t event) { return 0; }
