"""The local page: `server` answers it, `guard` says who may ask, `photo_store` and `transfer_store` keep what it works
with, `workers` runs the processes that do the work, `tasks` is what they can do, and `page` is the page itself.

The server's process imports neither PyTorch nor NumPy. All photos are read and made in the workers' processes.
"""
