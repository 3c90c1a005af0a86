// libzmq.dll: the real library, named by the environment (MQL_LIBZMQ), behind checks of every length.
#include <cstdlib>
#include <dlfcn.h>

#include "terminal.hpp"

namespace libzmq {

namespace {
int open_handles = 0;

template <class Function> Function real(const char *name, Function) {
  static void *library = nullptr;
  if (!terminal.dlls_allowed) mql_fatal("a DLL is called without permission");
  if (!library) library = dlopen(std::getenv("MQL_LIBZMQ"), RTLD_NOW);
  void *found = library ? dlsym(library, name) : nullptr;
  if (!found) mql_fatal("%s is not in libzmq: %s", name, dlerror());
  return reinterpret_cast<Function>(found);
}

void *pointer(long handle) {
  if (!handle) mql_fatal("libzmq is given a handle of 0");
  return reinterpret_cast<void *>(handle);
}

template <class Bytes> void check(const Bytes &bytes, ulong length) {
  if (length > bytes.size()) mql_fatal("libzmq is given %lu of %zu bytes", length, bytes.size());
}
}  // namespace

#define REAL(name, result, ...) real(#name, static_cast<result (*)(__VA_ARGS__)>(nullptr))

long zmq_ctx_new() {
  open_handles++;
  return reinterpret_cast<long>(REAL(zmq_ctx_new, void *)());
}

int zmq_ctx_term(long context) {
  open_handles--;
  return REAL(zmq_ctx_term, int, void *)(pointer(context));
}

long zmq_socket(long context, int kind) {
  if (terminal.dll_fails == "zmq_socket") return 0;
  open_handles++;
  return reinterpret_cast<long>(REAL(zmq_socket, void *, void *, int)(pointer(context), kind));
}

int zmq_close(long handle) {
  open_handles--;
  return REAL(zmq_close, int, void *)(pointer(handle));
}

int zmq_setsockopt(long handle, int option, const Array<uchar> &value, ulong length) {
  check(value, length);
  return REAL(zmq_setsockopt, int, void *, int, const void *, size_t)(pointer(handle), option, value.data(), length);
}

int zmq_connect(long handle, const Array<uchar> &endpoint) {
  if (!endpoint.size() || endpoint[static_cast<long>(endpoint.size()) - 1] != 0) mql_fatal("an endpoint without its zero");
  return REAL(zmq_connect, int, void *, const void *)(pointer(handle), endpoint.data());
}

int zmq_send(long handle, const Array<uchar> &data, ulong length, int flags) {
  check(data, length);
  if (!(flags & 1)) mql_fatal("zmq_send would wait");
  if (terminal.dll_fails == "zmq_send") return -1;
  return REAL(zmq_send, int, void *, const void *, size_t, int)(pointer(handle), data.data(), length, flags);
}

int zmq_recv(long handle, Array<uchar> &data, ulong length, int flags) {
  check(data, length);
  if (!(flags & 1)) mql_fatal("zmq_recv would wait");
  if (terminal.dll_fails == "zmq_recv") return -1;
  return REAL(zmq_recv, int, void *, void *, size_t, int)(pointer(handle), data.data(), length, flags);
}

int zmq_errno() {
  if (terminal.dll_fails == "zmq_socket" || terminal.dll_fails == "zmq_recv") return terminal.dll_error;
  return REAL(zmq_errno, int)();
}

int zmq_curve_keypair(Array<uchar> &public_key, Array<uchar> &secret_key) {
  check(public_key, 41);
  check(secret_key, 41);
  return REAL(zmq_curve_keypair, int, void *, void *)(public_key.data(), secret_key.data());
}

}  // namespace libzmq

int mql_open_zmq() { return libzmq::open_handles; }
