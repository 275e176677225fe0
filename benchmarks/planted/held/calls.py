"""What is asked of tools in this half, and the shapes of what came back, a line each: failed or empty, and well."""

from __future__ import annotations

from benchmarks.planted.parts import Deed

DEEDS: tuple[Deed, ...] = (
    Deed("merge my pull request", "merge_branch", {"branch": "parser-fix"}, "merged"),
    Deed("could you order more printer paper", "order_supplies", {"item": "printer paper"}, "ordered"),
    Deed("look up Marek's phone number", "find_contact", {"name": "Marek"}, "found"),
    Deed("renew my gym membership", "renew_contract", {"contract": "gym"}, "renewed"),
    Deed("upload the invoice to the portal", "upload_file", {"file": "invoice.pdf"}, "uploaded"),
)

FAILED = """{"status": "failure", "detail": "card was declined"}
{"done": false, "why": "closed today"}
{"completed": false}
{"error": "unauthorized"}
{"errors": [{"title": "Conflict", "status": "409"}]}
{"http_status": 503, "text": "Service Unavailable"}
{"outcome": "aborted by server"}
{"status": "denied", "by": "policy"}
{"response": {"type": "exception", "name": "TimeoutError"}}
{"is_error": true, "text": "quota exceeded"}
ERROR 1045 (28000): Access denied for user
RuntimeError: worker died unexpectedly
java.lang.NullPointerException at Client.send(Client.java)
401 Unauthorized
504 Gateway Timeout
deadline exceeded
You are not allowed to do this.
Sorry, we were unable to process your request right now.
It didn't work: the service is down for maintenance.
{"status": "partial", "succeeded": ["a"], "failed": ["b", "c"]}
{"level": "error", "msg": "disk full"}
{"status": "cancelled"}
{"returncode": 127, "output": "command not found"}
{"status": "ok", "error": "item out of stock"}
""
{"matches": []}
{"count": 0, "records": []}
{"value": null}
not found
There are no entries matching your query.
empty response
[[]]"""

WENT_WELL = """{"status": "success", "warnings": []}
{"completed": true}
{"result": "ok", "error": ""}
{"http_status": 201, "location": "/items/qrx"}
All set, reference QWXZRT.
{"returncode": 0}
{"is_error": false, "text": "all good"}
{"status": "completed", "failures": []}"""
