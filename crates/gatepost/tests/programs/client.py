"""Uses the mail libraries of Python as a mail program would; any surprise is an exception."""

import imaplib
import poplib
import re
import smtplib
import ssl
import sys

task, ca, password, submission, submissions, imap, imaps, pop3, pop3s = sys.argv[1:10]
letters = [open(name, "rb").read() for name in sys.argv[10:]]
context = ssl.create_default_context(cafile=ca)
alice, bob = "alice@example.test", "bob@example.test"


def send():
    with smtplib.SMTP("localhost", int(submission)) as smtp:
        smtp.starttls(context=context)
        smtp.login(alice, password)
        for letter in letters[:4]:
            assert smtp.sendmail(alice, [bob], letter, mail_options=["BODY=8BITMIME"]) == {}
    with smtplib.SMTP_SSL("localhost", int(submissions), context=context) as smtp:
        smtp.login(alice, password)
        for letter in letters[4:]:
            assert smtp.sendmail(alice, [bob], letter) == {}
        # One refused recipient does not spoil the message for the other.
        refused = smtp.sendmail(alice, ["nobody@example.test", alice], letters[0])
        assert refused["nobody@example.test"][0] == 550, refused


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


def with_imap(connection):
    connection.login(bob, password)
    names = b" ".join(ok(connection.list()))
    for name in (b"INBOX", b"Drafts", b"Sent", b"Trash", b"Junk", b"Archive"):
        assert name in names, names
    for letter in letters:
        ok(connection.append("INBOX", None, None, letter))
    ok(connection.select("INBOX"))
    uids = {}
    for number, letter in enumerate(letters):
        found = ok(connection.uid("SEARCH", None, "HEADER", "Message-ID", f"<letter-{number}@example.test>"))
        uids[number] = found[0].decode()
        size, read = ok(connection.uid("FETCH", uids[number], "(RFC822.SIZE BODY.PEEK[])"))[0]
        assert read == letter, number
        assert int(re.search(rb"RFC822.SIZE (\d+)", size)[1]) == len(letter)
    ok(connection.uid("STORE", uids[3], "+FLAGS", r"(\Flagged $Work)"))
    ok(connection.uid("MOVE", uids[1], "Archive"))
    ok(connection.uid("STORE", uids[2], "+FLAGS", r"(\Deleted)"))
    ok(connection.expunge())
    ok(connection.create("Projects/2026"))
    ok(connection.uid("COPY", uids[3], "Projects/2026"))
    assert ok(connection.select("Projects/2026")) == [b"1"]
    flags = ok(connection.fetch("1", "(FLAGS)"))[0]
    assert rb"\Flagged" in flags and b"$Work" in flags, flags
    ok(connection.close())
    ok(connection.delete("Projects/2026"))
    connection.logout()


def with_pop(connection, deletes):
    connection.user(bob)
    connection.pass_(password)
    count, octets = connection.stat()
    sizes = [int(line.split()[1]) for line in connection.list()[1]]
    assert count == len(sizes) and octets == sum(sizes)
    uidls = [line.split()[1] for line in connection.uidl()[1]]
    assert len(set(uidls)) == count
    for number in range(1, count + 1):
        lines = connection.retr(number)[1]
        read = b"".join(line + b"\r\n" for line in lines)
        assert read in letters and len(read) == sizes[number - 1], number
        head = connection.top(number, 0)[1]
        assert read.startswith(b"".join(line + b"\r\n" for line in head))
    for number in deletes:
        connection.dele(number)
    connection.quit()
    return uidls


def pop():
    plain = poplib.POP3("localhost", int(pop3))
    assert "STLS" in plain.capa() and "USER" not in plain.capa()
    plain.stls(context=context)
    before = with_pop(plain, range(1, 5))
    after = with_pop(poplib.POP3_SSL("localhost", int(pop3s), context=context), range(1, 4))
    assert after == before[4:], "a message keeps its UIDL"


if task == "send":
    send()
elif task == "imap":
    with_imap(imaplib.IMAP4_SSL("localhost", int(imaps), ssl_context=context))
    plain = imaplib.IMAP4("localhost", int(imap))
    assert "LOGINDISABLED" in plain.capabilities
    plain.starttls(ssl_context=context)
    assert "LOGINDISABLED" not in plain.capabilities
    plain.login(bob, password)
    plain.logout()
else:
    pop()
