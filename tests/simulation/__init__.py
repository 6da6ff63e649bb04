"""A deterministic simulation: processes of the app that share a journal, and all that can happen to them.

The technique is that of FoundationDB and TigerBeetle. Ledger, writer, reader and revocations run here unchanged; what
is simulated is what no test can control: the database, the clock, the threads and the death of a process. There is only
one thread. Whatever could happen at the same time is a move, and wherever a real process would wait for its database,
the simulated journal lets other moves come between. One seed decides everything: who moves next, what fails, who dies.
So thousands of histories are tried in seconds, and one that went wrong goes wrong again in the same way.

Read history.py first (what happens), then journal.py (how a database fails), process.py (who takes part), checks.py
(what must hold after every move), faults.py (bugs that are planted, to see whether they are found).
"""
