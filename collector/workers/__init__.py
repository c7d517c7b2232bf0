"""More cores: `lamppost collector run --workers N`. One receiver, and N processes that do what costs per reading.

    broker > Collector > WorkerPool ==orders==> Worker: check > database > windows
    broker < Collector < WorkerPool <=reports== Worker: answers, what is stored, what is closed
             rules, desk, pages

A node's batches all go to worker crc32(node) % N. What exists once stays in the receiver: the broker's link, whose turn
it is, who is there, the rules and their state, notifications, pages. So nothing of an alert moves when N changes, and
rules that look across nodes see them all. Workers keep nothing that would be missed: what a dead one had not answered
goes to the next of its number, and what a dead receiver had not answered its agents send again.
"""
