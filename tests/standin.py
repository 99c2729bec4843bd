#!/usr/bin/env python3
"""standin.py DIR CERT KEY EXAMPLES - a service that follows TONE3000's documented API, and breaks as it is told.

Listens on loopback: the API (TLS), a storage host (TLS, another port: another origin) and plain HTTP, where nothing should
ever come but the test's own commands.  Writes DIR/env (API, STORAGE, PLAIN) when it is ready, and every request to DIR/log as
one JSON line.

Faults: each line of DIR/faults is "PREFIX ACTION [ARGUMENT]..." and is used up by the first request whose path begins with
PREFIX, or is kept when it begins with "always ".  Commands (POST to PLAIN): /approve /deny /revoke-access /revoke-refresh /quit.
"""
import gzip
import hashlib
import json
import os
import ssl
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

DIR, CERT, KEY, EXAMPLES = Path(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4])
lock = threading.RLock()
ports = {}

# ---- what there is ----
NAMS = [(EXAMPLES / "models" / f"{n}.nam").read_bytes() for n in ("anvil", "crown", "harbor", "mudlark")]
IRS = [(EXAMPLES / "ir" / n).read_bytes() for n in ("american-1x12-open.wav", "british-4x12-closed.wav")]
WHO = {"id": "57af4bb9-80fe-43be-93b3-e3c9e9d92717", "username": "brucew", "display_name": None, "is_verified": False,
       "avatar_url": None, "url": "https://www.tone3000.com/brucew"}
DATE = "2026-01-25T18:27:37.799064+00:00"
files, models, tones = {}, {}, {}   # storage name -> bytes; id -> model; id -> tone


def tone(number, fmt, licence, **more):
    tones[number] = {"id": number, "title": f"Tone {number}", "description": None, "gear": "amp", "images": None,
                     "is_public": True, "links": [], "format": fmt, "license": licence, "sizes": ["standard"],
                     "makes": [{"id": 1636, "name": "Marshall Plexi"}], "tags": [{"id": 7, "name": "crunch"}], "user": WHO,
                     "user_id": WHO["id"], "created_at": DATE, "updated_at": DATE, "published_at": DATE, "models_count": 0,
                     "a1_models_count": 0, "a2_models_count": 0, "irs_count": 0, "custom_models_count": 0,
                     "downloads_count": 429, "favorites_count": 6, "is_favorite": False,
                     "url": f"https://www.tone3000.com/tones/tone-{number}", **more}


def model(number, of, data, name="Plexi 51", arch="1", ext="nam"):
    files[f"m{number}.{ext}"] = data
    models[number] = {"id": number, "tone_id": of, "user_id": WHO["id"], "created_at": DATE, "updated_at": DATE, "name": name,
                      "file": f"m{number}.{ext}", "size": "standard" if ext == "nam" else None,
                      "architecture_version": arch}
    t = tones[of]
    t["models_count"] += arch == "1"
    count = {"1": "a1_models_count", "2": "a2_models_count", "custom": "custom_models_count", None: "irs_count"}[arch]
    t[count] += 1


tone(100, "nam", "t3k")
model(1001, 100, NAMS[0])
model(1002, 100, NAMS[1], "../../../etc/passwd")
model(1003, 100, NAMS[2], "a2", "2")
model(1004, 100, NAMS[3], "own", "custom")
tone(200, "ir", "cc-by-nc", gear="cab")
model(2001, 200, IRS[0], "SM57 edge", None, "wav")
model(2002, 200, IRS[1], "SM57 edge", None, "wav")
tone(300, "nam", "cc-by", is_public=False)
tone(400, "nam", "a-licence-of-tomorrow", gear="hovercraft", new_key={"deep": [1, None]})
for i, bad in enumerate(["../x", "a\u0000b", "new\nline", "x" * 300, "", "same", "Same", "same", ".bashrc", "\u202egnp.nam"]):
    model(4001 + i, 400, NAMS[2], bad)
tone(500, "nam", "t3k")
model(5001, 500, NAMS[1][:-20])                                    # cut, but as long as it says
model(5002, 500, b"<!DOCTYPE html><html>sign in</html>")
model(5003, 500, b"")
tone(510, "ir", "t3k")
model(5101, 510, IRS[0][:-100], "cut", None, "wav")
tone(600, "nam", "t3k", a1_models_count=3)                         # says it has some, and has none
tone(700, "aa-snapshot", "t3k")
model(7001, 700, b"\x01snapshot", "x", None, "bin")
for n in range(int(os.environ.get("STANDIN_BENCH", "0"))):         # tones of 250 models, all different
    of = 10000 + n // 250
    if of not in tones:
        tone(of, "nam", "t3k")
    model(100000 + n, of, NAMS[2].replace(b'"version"', b'"n": %d, "version"' % n, 1))
swapped = {}                                                       # storage name -> other bytes, from a fault

# ---- sessions ----
access, refreshes, codes, devices, count = {}, {}, {}, {}, [0]


def new_pair():
    count[0] += 1
    pair = {"access_token": f"eyJ-access-{count[0]}", "refresh_token": f"r-refresh-{count[0]}", "token_type": "bearer",
            "expires_in": int((DIR / "expires_in").read_text()) if (DIR / "expires_in").exists() else 3600, "scope": "read"}
    access[pair["access_token"]] = time.time() + pair["expires_in"]
    refreshes[pair["refresh_token"]] = True
    return pair


def take_fault(path):
    name = DIR / "faults"
    with lock:
        if not name.exists():
            return None
        lines = name.read_text().splitlines()
        for i, line in enumerate(lines):
            words = line.split()
            keep = words[:1] == ["always"]
            words = words[1:] if keep else words
            if len(words) > 1 and path.startswith(words[0]):
                if not keep:
                    tmp = DIR / "faults.new"
                    tmp.write_text("".join(x + "\n" for x in lines[:i] + lines[i + 1:]))
                    tmp.rename(name)
                return words[1:]
    return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65536
    where = "api"

    def log_message(self, *args):
        pass

    def note(self):
        with lock, open(DIR / "log", "a") as f:
            f.write(json.dumps({"where": self.where, "method": self.command, "path": self.path,
                                "auth": self.headers.get("Authorization"), "range": self.headers.get("Range"),
                                "if_range": self.headers.get("If-Range"), "cookie": self.headers.get("Cookie")}) + "\n")

    def send(self, status, body=b"", kind="application/json", **headers):
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        for k, v in headers.items():
            self.send_header(k.replace("_", "-"), str(v))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def do_POST(self):
        self.handle_any()

    def do_GET(self):
        self.handle_any()

    def handle_any(self):
        try:
            n = int(self.headers.get("Content-Length") or 0)
            self.form = dict(urllib.parse.parse_qsl(self.rfile.read(n).decode())) if n else {}
            url = urllib.parse.urlsplit(self.path)
            self.q = dict(urllib.parse.parse_qsl(url.query))
            self.note()
            self.answer(url.path)
        except (BrokenPipeError, ConnectionError, ssl.SSLError):
            self.close_connection = True

    # ---- faults ----
    def fail(self, fault):
        what, *arg = fault
        if what == "status":
            more = dict(a.split("=", 1) for a in arg[1:])
            more = {k: v.replace("_", " ") if k == "Retry-After" else v for k, v in more.items()}
            return self.send(int(arg[0]), {"data": []} if arg[0] == "200" else {"error": "told to"}, **more)
        if what == "html":
            return self.send(int(arg[0]), b"<!DOCTYPE html><html>" + b"x" * 300 + b"</html>", "text/html")
        if what == "adopt":     # another process has renewed the pair meanwhile, on a file system without locks
            with lock:
                path, pair = Path(arg[0]), new_pair()
                refreshes.pop(self.form.get("refresh_token"), None)
            path.write_text(json.dumps({**json.loads(path.read_text()), "access_token": pair["access_token"],
                                        "refresh_token": pair["refresh_token"], "expires_s": int(time.time()) + 3600}))
            return self.send(400, {"error": "invalid_grant"})
        if what == "slow":
            return self.send(400, {"error": "slow_down"})
        if what == "json":
            return self.send(200, " ".join(arg).encode())
        if what == "redirect":
            return self.send(int(arg[1]) if len(arg) > 1 else 302, b"", Location=arg[0])
        if what == "loop":
            return self.send(302, b"", Location=self.path)
        if what == "bomb":
            return self.send(200, gzip.compress(b" " * (100 << 20)), Content_Encoding="gzip")
        self.close_connection = True
        if what == "endless":
            self.send_response(200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for _ in range(4096):
                self.wfile.write(b"10000\r\n" + b"[" * 65536 + b"\r\n")
        elif what == "stall":
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            self.wfile.write(b"{")
            self.wfile.flush()
            time.sleep(float(arg[0]))
        elif what == "drop":
            pass
        else:
            raise ValueError(what)

    # ---- routes ----
    def answer(self, path):
        fault = take_fault(self.path)
        if fault and fault[0] in ("cut", "norange", "badrange", "nocr", "unsatisfiable", "notag", "swap", "swapsame", "length",
                                  "nolength", "encoded"):
            self.fault = fault                     # of the file that is sent
        elif fault:
            return self.fail(fault)
        else:
            self.fault = [""]
        if path.startswith("/api/v1/oauth/"):
            return self.oauth(path[14:])
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        good = access.get(token, 0) > time.time() or token == "t3k_cs_secret"
        if not good and not path.endswith("/trending"):
            return self.send(401, {"error": "unauthorized"})
        parts = path.strip("/").split("/")[2:]
        if parts[0] == "models" and len(parts) >= 2:
            return self.one_model(parts)
        if parts[0] == "models":
            return self.list_models()
        if parts == ["user"]:
            return self.send(200, {**WHO, "username": "testuser", "bio": None, "links": None, "created_at": DATE})
        if parts[0] == "tones" and len(parts) == 2 and parts[1].isdigit():
            t = tones.get(int(parts[1]))
            return self.send(403, {"error": "forbidden"}) if t and not t["is_public"] else self.send(200, t) if t else \
                self.send(404, {"error": "not found"})
        return self.lists(parts)

    def page(self, items, most, default=10):
        size = min(most, max(1, int(self.q.get("page_size", default))))
        at = max(1, int(self.q.get("page", 1)))
        self.send(200, {"data": items[(at - 1) * size:at * size], "page": at, "page_size": size, "total": len(items),
                        "total_pages": -(-len(items) // size)})

    def shown(self, m):
        return {**{k: v for k, v in m.items() if k != "file"}, "model_url":
                f"https://127.0.0.1:{ports['api']}/api/v1/models/{m['id']}/download/{m['file']}"}

    def one_model(self, parts):
        m = models.get(int(parts[1])) if parts[1].isdigit() else None
        if not m:
            return self.send(404, {"error": "not found"})
        if len(parts) == 2:
            return self.send(200, self.shown(m))
        return self.send_file(m["file"])

    def list_models(self):
        of = int(self.q["tone_id"])
        archs = [self.q["architecture"]] if "architecture" in self.q else ["1", "custom", None]
        self.page([self.shown(m) for m in models.values() if m["tone_id"] == of and m["architecture_version"] in archs], 300)

    def lists(self, parts):
        what = parts[-1]
        if parts[0] in ("makes", "tags"):
            return self.page([{"id": i, "name": f"{parts[0]} {i}", "tones_count": i, "url": "x"} for i in range(30)], 25)
        if parts[0] == "users":
            return self.page([{**WHO, "id": i, "username": f"user{i}", "tones_count": i} for i in range(12)], 10)
        number = int(os.environ.get("STANDIN_LIST", "25"))
        items = [{**tones[100], "id": 900 + i, "title": f"Listed {i}"} for i in range(number)]
        if what in ("trending", "latest"):
            return self.send(200, {"data": items[:10]})
        if what == "search":
            items = [{k: v for k, v in t.items() if k not in ("license", "sizes", "links", "is_public")} for t in items]
            if "platform" in self.q:
                return self.send(200, {"data": []}, Deprecation="true", X_Tone3000_Deprecations="legacy_platform_key")
            return self.page(items, 25)
        if what == "created":
            return self.send(200, {"data": [], "page": 1, "page_size": 10, "total": 0, "total_pages": 0})
        if what in ("favorited", "downloaded"):
            return self.page(items, 100)
        return self.send(404, {"error": "not found"})

    def send_file(self, name):
        data = swapped.get(name, files[name])
        tag = '"%s"' % hashlib.md5(data).hexdigest()
        what, *arg = self.fault
        if what in ("swap", "swapsame"):
            old = tag
            data = swapped[name] = NAMS[int(arg[0])] if arg else NAMS[2]
            tag = old if what == "swapsame" else '"%s"' % hashlib.md5(data).hexdigest()
        head, status, body = {"ETag": tag, "Accept_Ranges": "bytes"}, 200, data
        if what == "notag":
            del head["ETag"]
        asked = self.headers.get("Range")
        if asked and what != "norange" and self.headers.get("If-Range", tag) == tag:
            start = int(asked[6:].rstrip("-"))
            if what == "unsatisfiable" or start >= len(data):
                return self.send(416, b"", Content_Range=f"bytes */{len(data)}")
            status, body = 206, data[start:]
            if what != "nocr":
                head["Content_Range"] = f"bytes {start + (what == 'badrange')}-{len(data) - 1}/{len(data)}"
        if what == "encoded":
            body = gzip.compress(body)
            head["Content_Encoding"] = "gzip"
        if what == "nolength":
            self.send_response(status)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for i in range(0, len(body), 5000):
                piece = body[i:i + 5000]
                self.wfile.write(b"%x\r\n" % len(piece) + piece + b"\r\n")
            return self.wfile.write(b"0\r\n\r\n")
        if what in ("cut", "length"):
            head["Content_Length"] = len(body) + (int(arg[0]) if what == "length" else 0)
            body = body[:int(arg[0])] if what == "cut" else body
            self.close_connection = True
        self.send(status, body, "application/octet-stream", **head)

    # ---- sessions ----
    def oauth(self, what):
        q, f = self.q, self.form
        with lock:
            if what == "authorize":
                if not (q.get("client_id", "").startswith("t3k_pub_") and q.get("state") and q.get("code_challenge_method") == "S256"):
                    return self.send(400, {"error": "invalid_request"})
                count[0] += 1
                code = f"code-{count[0]}"
                codes[code] = (q["code_challenge"], q["redirect_uri"], q["client_id"])
                return self.send(302, b"", Location=f"{q['redirect_uri']}?code={code}&state={q['state']}")
            if what == "device_authorization":
                if not f.get("client_id", "").startswith("t3k_pub_"):
                    return self.send(400, {"error": "invalid_client"})
                devices["D1"] = "pending"
                return self.send(200, {"device_code": "D1", "user_code": "BCDF-GHJK", "interval": 0 if "FAST" in os.environ else 1,
                                       "verification_uri": "https://www.tone3000.com/activate", "expires_in": 600})
            kind = f.get("grant_type")
            if kind == "refresh_token":
                if not refreshes.pop(f.get("refresh_token"), None):
                    if (DIR / "gotrue").exists():
                        return self.send(400, {"code": 400, "error_code": "refresh_token_not_found",
                                               "msg": "Invalid Refresh Token"})
                    return self.send(400, {"error": "invalid_grant", "error_description": "refresh token is used"})
                return self.send(200, new_pair())
            if kind == "authorization_code":
                challenge, uri, client = codes.pop(f.get("code"), ("", "", ""))
                import base64
                got = base64.urlsafe_b64encode(hashlib.sha256(f.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
                if got != challenge or uri != f.get("redirect_uri") or client != f.get("client_id"):
                    return self.send(400, {"error": "invalid_grant"})
                return self.send(200, new_pair())
            if kind == "urn:ietf:params:oauth:grant-type:device_code":
                state = devices.get(f.get("device_code"))
                if state == "approved":
                    devices.clear()
                    return self.send(200, new_pair())
                word = {"pending": "authorization_pending", "denied": "access_denied"}.get(state, "expired_token")
                return self.send(400, {"error": word})
            return self.send(400, {"error": "unsupported_grant_type"})


class Storage(Handler):
    where = "storage"

    def answer(self, path):
        self.fault = [""]
        name = path.rsplit("/", 1)[-1]
        if self.headers.get("Authorization"):
            return self.send(400, {"error": "Only one auth mechanism allowed"})
        return self.send_file(name) if name in files else self.send(404)


class Plain(Handler):
    where = "plain"

    def answer(self, path):
        with lock:
            if path == "/approve":
                devices["D1"] = "approved"
            elif path == "/deny":
                devices["D1"] = "denied"
            elif path == "/pair":
                return self.send(200, new_pair())
            elif path == "/revoke-access":
                access.clear()
            elif path == "/revoke-refresh":
                refreshes.clear()
            elif path == "/quit":
                self.send(200)
                os._exit(0)
        self.send(200)


def listen(kind, tls):
    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def get_request(self):
            sock, address = super().get_request()
            if tls:     # the handshake belongs to the thread of the connection
                sock = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            return sock, address

        def handle_error(self, request, client_address):
            pass

    server = Server(("127.0.0.1", 0), kind)
    ports[kind.where] = server.server_port
    return server


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERT, KEY)
servers = [listen(Handler, True), listen(Storage, True), listen(Plain, False)]
for s in servers[1:]:
    threading.Thread(target=s.serve_forever, daemon=True).start()
(DIR / "env.new").write_text(f"API=https://127.0.0.1:{ports['api']}\nSTORAGE=https://localhost:{ports['storage']}\n"
                             f"PLAIN=http://127.0.0.1:{ports['plain']}\n")
(DIR / "env.new").rename(DIR / "env")
servers[0].serve_forever()
