// Sockets, TLS and WebRequest: real ones, with the terminal's rules on top.
#include <arpa/inet.h>
#include <cerrno>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "terminal.hpp"

namespace {

struct Socket {
  int descriptor = -1;
  SSL *tls = nullptr;
  bool broken = false;
};
std::map<int, Socket> sockets;
int next_socket = 1;

Socket *socket_of(int handle) {
  auto found = sockets.find(handle);
  if (found != sockets.end()) return &found->second;
  mql_error(ERR_NETSOCKET_INVALIDHANDLE);
  return nullptr;
}

int connect_within(const std::string &host, uint port, int timeout_ms) {
  addrinfo wanted{}, *found = nullptr;
  wanted.ai_family = AF_INET;
  wanted.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found) != 0) return -1;
  int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int done = connect(descriptor, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  pollfd ready{descriptor, POLLOUT, 0};
  if (done != 0 && errno == EINPROGRESS && poll(&ready, 1, timeout_ms) == 1) {
    socklen_t size = sizeof done;
    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &done, &size);
  }
  if (done == 0) {
    int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return descriptor;
  }
  close(descriptor);
  return -1;
}

// Waits for readability (or writability); false when the time is over.
bool wait_for(int descriptor, short events, int timeout_ms) {
  pollfd ready{descriptor, events, 0};
  return poll(&ready, 1, timeout_ms) == 1;
}

bool handshake(SSL *tls, int descriptor, const std::string &host) {
  SSL_set_tlsext_host_name(tls, host.c_str());
  X509_VERIFY_PARAM *rules = SSL_get0_param(tls);
  in_addr unused{};
  if (inet_pton(AF_INET, host.c_str(), &unused) == 1) X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str());
  else SSL_set1_host(tls, host.c_str());
  SSL_set_verify(tls, SSL_VERIFY_PEER, nullptr);
  SSL_set_fd(tls, descriptor);
  for (;;) {
    int done = SSL_connect(tls);
    if (done == 1) return true;
    int why = SSL_get_error(tls, done);
    bool again = (why == SSL_ERROR_WANT_READ && wait_for(descriptor, POLLIN, 3000)) ||
                 (why == SSL_ERROR_WANT_WRITE && wait_for(descriptor, POLLOUT, 3000));
    if (!again) return false;
  }
}

SSL *new_tls() {
  static SSL_CTX *context = nullptr;
  if (!context) {
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_default_verify_paths(context);
    if (!terminal.ca_file.empty()) SSL_CTX_load_verify_locations(context, terminal.ca_file.c_str(), nullptr);
  }
  return SSL_new(context);
}

bool is_open(Socket &socket) {
  if (socket.broken || socket.descriptor < 0) return false;
  if (socket.tls) return true;  // an end shows at the next read
  char unused;
  ssize_t got = recv(socket.descriptor, &unused, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got == 0 || (got < 0 && errno != EAGAIN)) socket.broken = true;
  return !socket.broken;
}

int failed(Socket &socket) {
  socket.broken = true;
  mql_error(ERR_NETSOCKET_IO_ERROR);
  return -1;
}

uint limited(uint length, const Array<uchar> &bytes) {
  if (length > bytes.size()) mql_fatal("sending %u bytes of %zu", length, bytes.size());
  uint most = static_cast<uint>(terminal.short_sends);
  return most && length > most ? most : length;
}

}  // namespace

void mql_await_input(int timeout_ms) {
  std::vector<pollfd> all;
  for (auto &[handle, socket] : sockets)
    if (socket.descriptor >= 0) all.push_back({socket.descriptor, POLLIN, 0});
  if (!all.empty()) poll(all.data(), all.size(), timeout_ms);
}

int mql_open_sockets() { return static_cast<int>(sockets.size()); }

int SocketCreate() {
  mql_not_in_indicators("SocketCreate");
  if (sockets.size() >= 128) {
    mql_error(ERR_NETSOCKET_TOO_MANY_OPENED);
    return INVALID_HANDLE;
  }
  sockets[next_socket] = Socket{};
  return next_socket++;
}

bool SocketConnect(int handle, const string &host, uint port, uint timeout_ms) {
  mql_not_in_indicators("SocketConnect");
  Socket *socket = socket_of(handle);
  if (!socket) return false;
  if (!terminal.allowed.count(host.utf8())) {
    mql_error(ERR_FUNCTION_NOT_ALLOWED);
    return false;
  }
  socket->descriptor = connect_within(host.utf8(), port, static_cast<int>(timeout_ms));
  if (socket->descriptor < 0) mql_error(ERR_NETSOCKET_CANNOT_CONNECT);
  return socket->descriptor >= 0;
}

bool SocketClose(int handle) {
  Socket *socket = socket_of(handle);
  if (!socket) return false;
  if (socket->tls) SSL_free(socket->tls);
  if (socket->descriptor >= 0) close(socket->descriptor);
  sockets.erase(handle);
  return true;
}

bool SocketIsConnected(int handle) {
  Socket *socket = socket_of(handle);
  return socket && is_open(*socket);
}

uint SocketIsReadable(int handle) {
  Socket *socket = socket_of(handle);
  if (!socket || !is_open(*socket)) return 0;
  if (socket->tls) mql_fatal("SocketIsReadable on a TLS connection counts encrypted bytes");
  int there = 0;
  ioctl(socket->descriptor, FIONREAD, &there);
  return static_cast<uint>(there);
}

bool SocketIsWritable(int handle) {
  Socket *socket = socket_of(handle);
  return socket && is_open(*socket) && wait_for(socket->descriptor, POLLOUT, 0);
}

bool SocketTimeouts(int handle, uint, uint) { return socket_of(handle) != nullptr; }

int SocketRead(int handle, Array<uchar> &bytes, uint max, uint) {
  Socket *socket = socket_of(handle);
  if (!socket) return -1;
  if (socket->tls) mql_fatal("SocketRead on a TLS connection");
  if (SocketIsReadable(handle) < max) mql_fatal("SocketRead would wait for %u bytes", max);
  ArrayResize(bytes, static_cast<int>(max));
  ssize_t got = recv(socket->descriptor, bytes.data(), max, 0);
  return got <= 0 ? failed(*socket) : static_cast<int>(got);
}

int SocketSend(int handle, const Array<uchar> &bytes, uint length) {
  Socket *socket = socket_of(handle);
  if (!socket) return -1;
  if (socket->tls) mql_fatal("SocketSend on a TLS connection");
  ssize_t sent = send(socket->descriptor, bytes.data(), limited(length, bytes), MSG_NOSIGNAL);
  if (sent < 0 && errno == EAGAIN) mql_fatal("SocketSend would wait: ask SocketIsWritable first");
  return sent < 0 ? failed(*socket) : static_cast<int>(sent);
}

bool SocketTlsHandshake(int handle, const string &host) {
  Socket *socket = socket_of(handle);
  if (!socket || socket->descriptor < 0) return false;
  socket->tls = new_tls();
  if (handshake(socket->tls, socket->descriptor, host.utf8())) return true;
  ERR_clear_error();
  socket->broken = true;
  mql_error(ERR_NETSOCKET_HANDSHAKE_FAILED);
  return false;
}

int SocketTlsReadAvailable(int handle, Array<uchar> &bytes, uint max) {
  Socket *socket = socket_of(handle);
  if (!socket) return -1;
  if (!socket->tls) mql_fatal("SocketTlsReadAvailable without TLS");
  ArrayResize(bytes, static_cast<int>(max));
  int got = SSL_read(socket->tls, bytes.data(), static_cast<int>(max));
  int why = got > 0 ? SSL_ERROR_NONE : SSL_get_error(socket->tls, got);
  ArrayResize(bytes, MathMax(got, 0));
  ERR_clear_error();
  if (got > 0) return got;
  return why == SSL_ERROR_WANT_READ ? 0 : failed(*socket);
}

int SocketTlsSend(int handle, const Array<uchar> &bytes, uint length) {
  Socket *socket = socket_of(handle);
  if (!socket) return -1;
  if (!socket->tls) mql_fatal("SocketTlsSend without TLS");
  SSL_set_mode(socket->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  int sent = SSL_write(socket->tls, bytes.data(), static_cast<int>(limited(length, bytes)));
  int why = sent > 0 ? SSL_ERROR_NONE : SSL_get_error(socket->tls, sent);
  ERR_clear_error();
  if (sent > 0) return sent;
  return why == SSL_ERROR_WANT_WRITE ? 0 : failed(*socket);
}

// WebRequest

namespace {

struct Url { bool tls; std::string host; uint port; std::string path, origin; };

Url parsed(const std::string &url) {
  bool tls = url.rfind("https://", 0) == 0;
  if (!tls && url.rfind("http://", 0) != 0) mql_fatal("WebRequest to %s", url.c_str());
  size_t start = tls ? 8 : 7, slash = MathMin(url.find('/', start), url.size());
  std::string place = url.substr(start, slash - start);
  size_t colon = place.find(':');
  uint port = tls ? 443 : 80;
  if (colon != std::string::npos) port = static_cast<uint>(std::stoul(place.substr(colon + 1)));
  return {tls, place.substr(0, colon), port, slash < url.size() ? url.substr(slash) : "/", url.substr(0, slash)};
}

std::string exchange(int descriptor, const std::string &out, int timeout_ms) {
  for (size_t at = 0; at < out.size();) {
    ssize_t sent = send(descriptor, out.data() + at, out.size() - at, MSG_NOSIGNAL);
    if (sent > 0) at += static_cast<size_t>(sent);
    else if (errno != EAGAIN || !wait_for(descriptor, POLLOUT, timeout_ms)) return "";
  }
  std::string in;
  char part[4096];
  while (wait_for(descriptor, POLLIN, timeout_ms)) {
    ssize_t got = recv(descriptor, part, sizeof part, 0);
    if (got <= 0) return in;
    in.append(part, static_cast<size_t>(got));
  }
  return "";  // the time is over
}

std::string request_of(const string &method, const Url &url, const string &headers, size_t size) {
  return method.utf8() + " " + url.path + " HTTP/1.0\r\nHost: " + url.host + "\r\nContent-Length: " +
         std::to_string(size) + "\r\nConnection: close\r\n" + headers.utf8() + "\r\n";
}

}  // namespace

int WebRequest(const string &method, const string &address, const string &headers, int timeout_ms,
               const Array<uchar> &data, Array<uchar> &result, string &result_headers) {
  mql_not_in_indicators("WebRequest");
  if (timeout_ms <= 0) mql_fatal("WebRequest with a timeout of %d", timeout_ms);
  std::string given = headers.utf8();
  if (!given.empty() && given.substr(given.size() - 2) != "\r\n") mql_fatal("headers that do not end in CR LF");
  Url url = parsed(address.utf8());
  if (!terminal.allowed_urls.count(url.origin) || terminal.tester) {
    mql_error(ERR_FUNCTION_NOT_ALLOWED);
    return -1;
  }
  if (url.tls) mql_fatal("WebRequest over https is not scripted");
  int descriptor = connect_within(url.host, url.port, timeout_ms);
  if (descriptor < 0) {
    mql_error(ERR_WEBREQUEST_CONNECT_FAILED);
    return -1;
  }
  std::string body(data.data(), data.data() + data.size());
  std::string answer = exchange(descriptor, request_of(method, url, headers, body.size()) + body, timeout_ms);
  close(descriptor);
  size_t split = answer.find("\r\n\r\n");
  if (split == std::string::npos) {
    mql_error(answer.empty() ? ERR_WEBREQUEST_TIMEOUT : ERR_WEBREQUEST_REQUEST_FAILED);
    return -1;
  }
  result_headers = string::from_utf8(answer.substr(0, split + 2));
  std::string content = answer.substr(split + 4);
  ArrayResize(result, static_cast<int>(content.size()));
  if (!content.empty()) std::memcpy(result.data(), content.data(), content.size());
  return std::stoi(answer.substr(9, 3));
}

int WebRequest(const string &method, const string &address, const string &cookie, const string &,
               int timeout_ms, const Array<uchar> &data, int data_size, Array<uchar> &result,
               string &result_headers) {
  // The older form sends a form's content type and knows no other header.
  string headers = S(u"Content-Type: application/x-www-form-urlencoded\r\n");
  if (StringLen(cookie) > 0) headers += S(u"Cookie: ") + cookie + S(u"\r\n");
  Array<uchar> sent;
  ArrayCopy(sent, data, 0, 0, data_size);
  return WebRequest(method, address, headers, timeout_ms, sent, result, result_headers);
}
