"""What is asked of tools in this part, and the shapes of what came back, see dev/calls.py."""

from __future__ import annotations

from benchmarks.planted.parts import Deed

DEEDS: tuple[Deed, ...] = (
    Deed("renew my library card", "renew_card", {"card": "library"}, "renewed"),
    Deed("upload the slides to the drive", "upload_file", {"name": "slides", "to": "drive"}, "uploaded"),
    Deed("cancel my gym membership", "cancel_membership", {"member": "gym"}, "cancelled|canceled"),
    Deed("look for a plumber close to me", "find_provider", {"trade": "plumber"}, "found"),
    Deed("transfer the rent to the landlord", "transfer_money", {"payee": "landlord"}, "transferred|sent"),
)

FAILED = """{"ok": 0, "msg": "quota used up"}
{"success": "false"}
{"status": "KO"}
{"data": {"success": false, "reason": "duplicate"}}
{"response": {"status": 422, "title": "Unprocessable Entity"}}
{"errorCode": "E1042", "errorMessage": "Card expired"}
{"type": "about:blank", "title": "Service Unavailable", "status": 503}
{"meta": {"code": 401}, "data": null}
{"outcome": "not_executed"}
{"result": {"status": "aborted"}}
{"error_description": "token has expired", "error": "invalid_grant"}
{"completed": false, "remaining": 1}
{"warnings": [], "errors": [{"field": "amount", "issue": "too high"}]}
{"message": "No such member"}
{"detail": "Method not allowed"}
{"status": "declined_by_bank"}
Failed to connect to server
ECONNREFUSED 127.0.0.1:8080
panic: runtime error: index out of range
psycopg2.errors.UniqueViolation: duplicate key value
The request could not be processed.
Access is denied.
Operation cancelled by the user
Internal server error
429 Too Many Requests
curl: (28) Operation timed out
exit status 2
No changes were made.
Sorry, this service is closed right now.
Not authorised
{"list": []}
{"hits": {"total": 0, "hits": []}}
{"count": 0}
{"providers": []}
{"value": null}
{"result": ""}
{"found": false}
[{}]
undefined
N/A
No entries match your query
(empty)
-1
false
{"status": "queued"}
{"accepted": 0, "rejected": 1}
{"ok": false, "retryable": true}
{"code": 5003, "msg": "balance not enough"}
{"state": "FAILED_PRECONDITION"}
{"success": false, "data": {"status": "done"}}
Fehler: Zeitüberschreitung
操作失败
該当するデータがありません
没有找到结果
Ошибка: доступ запрещён
Ничего не найдено
Error 1205: Lock wait timeout exceeded"""

WENT_WELL = """{"result": "success"}
{"status": 201}
{"done": true, "error": ""}
{"code": 0, "msg": "ok"}
OK
Success
{"accepted": 1, "rejected": 0}
{"id": 8841, "status": "completed", "error": null}
操作成功
{"data": {"id": "QW12", "state": "active"}, "errors": []}"""
