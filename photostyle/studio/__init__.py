"""The local page. `server` answers it, `guard` says who may ask, and `api` and its parts are the addresses. `studio`
holds what one start of the program keeps: photos, transfers, results and the queue. `workers` runs the processes that
do what is in `work`. The page itself is in `page`.

The server's process imports neither PyTorch nor NumPy. Photos are read and made in the workers' processes only.
"""
