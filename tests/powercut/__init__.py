"""Power cuts: `python -m tests.powercut --cuts N`.

    a file on the machine's own disk > xfs with reflinks > an image in it > ext4 > the spool

A writer accepts readings with the product's spool and says each number once its commit has returned. A reflink copy of
the inner image is what a card holds the moment its power goes: everything the device was given, nothing that waited in
the system's memory. The copy is mounted, as after a restart, and the spool opened: all that was said must be there. The
same with synchronous=NORMAL must lose, or this rig would see nothing. Not modelled: a device that lies or reorders.
"""
