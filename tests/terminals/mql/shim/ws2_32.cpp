// Windows' sockets on POSIX ones, with Winsock's error codes. A program that declares an import with
// another signature does not link.
#include <arpa/inet.h>
#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "terminal.hpp"

namespace ws2_32 {

namespace {
std::set<ulong> handles;
int starts = 0;
int last_error = 0;

int failed(int error) {
  static const std::map<int, int> codes = {
      {EAGAIN, 10035}, {EINPROGRESS, 10035}, {EALREADY, 10037}, {EISCONN, 10056}, {ECONNREFUSED, 10061},
      {ECONNRESET, 10054}, {EPIPE, 10054}, {ETIMEDOUT, 10060}, {ENOTCONN, 10057}, {ECONNABORTED, 10061}};
  auto found = codes.find(error);
  if (found == codes.end()) mql_fatal("errno %d has no Winsock code here", error);
  last_error = found->second;
  return -1;
}

int descriptor_of(ulong handle) {
  if (!starts) mql_fatal("Winsock before WSAStartup");
  if (!handles.count(handle)) mql_fatal("socket %lu is not open", handle);
  return static_cast<int>(handle);
}
}  // namespace

int WSAStartup(ushort version, Array<uchar> &data) {
  if (!terminal.dlls_allowed) mql_fatal("a DLL is called without permission");
  if (version != 0x0202 || data.size() < 408) mql_fatal("WSAStartup with %zu bytes for its data", data.size());
  if (terminal.dll_fails == "WSAStartup") return 10091;
  starts++;
  return 0;
}

int WSACleanup() {
  if (--starts == 0 && !handles.empty()) mql_fatal("WSACleanup with %zu sockets open", handles.size());
  return 0;
}

int WSAGetLastError() { return last_error; }

ulong socket(int family, int kind, int protocol) {
  if (terminal.dll_fails == "socket") {
    last_error = terminal.dll_error;
    return ~0ul;
  }
  int made = ::socket(family, kind, protocol);
  handles.insert(static_cast<ulong>(made));
  return static_cast<ulong>(made);
}

int connect(ulong handle, const Array<uchar> &address, int length) {
  if (length != 16 || address.size() < 16) mql_fatal("a sockaddr_in of %d bytes", length);
  int descriptor = descriptor_of(handle);
  if ((fcntl(descriptor, F_GETFL) & O_NONBLOCK) == 0) mql_fatal("connect would wait in an indicator");
  return ::connect(descriptor, reinterpret_cast<const sockaddr *>(address.data()), 16) == 0 ? 0 : failed(errno);
}

int send(ulong handle, const Array<uchar> &data, int length, int) {
  if (length < 0 || static_cast<size_t>(length) > data.size()) mql_fatal("send of %d of %zu bytes", length, data.size());
  if (terminal.dll_fails == "send") {
    last_error = terminal.dll_error;
    return -1;
  }
  long most = terminal.short_sends && length > terminal.short_sends ? terminal.short_sends : length;
  long sent = ::send(descriptor_of(handle), data.data(), static_cast<ulong>(most), MSG_NOSIGNAL);
  return sent < 0 ? failed(errno) : static_cast<int>(sent);
}

int recv(ulong handle, Array<uchar> &data, int length, int) {
  if (length < 0 || static_cast<size_t>(length) > data.size()) mql_fatal("recv of %d into %zu bytes", length, data.size());
  long got = ::recv(descriptor_of(handle), data.data(), static_cast<ulong>(length), 0);
  return got < 0 ? failed(errno) : static_cast<int>(got);
}

int closesocket(ulong handle) {
  close(descriptor_of(handle));
  handles.erase(handle);
  return 0;
}

int ioctlsocket(ulong handle, int command, uint &argument) {
  if (command != -2147195266) mql_fatal("ioctlsocket %d", command);
  int on = argument != 0;
  return ioctl(descriptor_of(handle), FIONBIO, &on) == 0 ? 0 : failed(errno);
}

int setsockopt(ulong handle, int level, int option, const Array<uchar> &value, int length) {
  if (length < 0 || static_cast<size_t>(length) > value.size()) mql_fatal("setsockopt of %d bytes", length);
  return ::setsockopt(descriptor_of(handle), level, option, value.data(), static_cast<unsigned>(length)) == 0 ? 0 : failed(errno);
}

}  // namespace ws2_32

int mql_open_winsockets() { return static_cast<int>(ws2_32::handles.size()) + ws2_32::starts; }
