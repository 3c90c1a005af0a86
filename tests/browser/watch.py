"""What no page may do: write an error, lose a request, or be stopped by the security policy."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, Response, WebError

# Told at once, since a navigation takes everything that a page has noted along with it.
LISTENER = """
document.addEventListener("securitypolicyviolation", (event) => {
  const { effectiveDirective, blockedURI, sourceFile } = event;
  noteViolation(`${effectiveDirective} stopped ${blockedURI}, asked for by ${sourceFile}`);
});
"""
LEFT_THE_PAGE = "net::ERR_ABORTED"
# What htmx says of a request that ended because the page was left; a failed one says more.
LEFT_IN_HTMX = ("htmx:sendAbort", "htmx:afterRequest")


class Watch:
    """Listens to every page of a context from before its first request on."""

    def __init__(self, context: BrowserContext, base: str) -> None:
        self.trouble: list[str] = []
        self._context = context
        self._origin = urlsplit(base).netloc
        self._expected: set[tuple[str, int]] = set()
        context.expose_binding("noteViolation", self._violation)
        context.add_init_script(LISTENER)
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("requestfailed", self._failed)
        context.on("response", self._answered)

    def expect(self, path: str, status: int) -> None:
        """This address is meant to be refused with this status."""
        self._expected.add((path, status))

    def finish(self) -> list[str]:
        """Everything that went wrong on any page of the context."""
        for page in self._context.pages:
            page.evaluate("0")  # what the page said before this has been heard afterwards
        return self.trouble

    def _violation(self, source: Any, text: str) -> None:
        self.trouble.append(f"{source['page'].url}: {text}")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type != "error" or not self._is_ours(message.location["url"]):
            return
        if message.text.startswith(("Failed to load resource", *LEFT_IN_HTMX)):
            return  # the answer itself is judged below, with its status
        self.trouble.append(f"{message.location['url']}: console: {message.text}")

    def _error(self, error: WebError) -> None:
        where = error.page.url if error.page else "a worker"
        self.trouble.append(f"{where}: {error.error}")

    def _failed(self, request: Request) -> None:
        if self._is_ours(request.url) and request.failure != LEFT_THE_PAGE:
            self.trouble.append(f"{request.method} {request.url}: {request.failure}")

    def _answered(self, response: Response) -> None:
        if not self._is_ours(response.url) or response.status < 400:
            return
        if (urlsplit(response.url).path, response.status) not in self._expected:
            self.trouble.append(f"{response.request.method} {response.url}: {response.status}")

    def _is_ours(self, url: str) -> bool:
        return urlsplit(url).netloc in {self._origin, ""}
