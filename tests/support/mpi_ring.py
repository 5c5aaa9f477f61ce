"""An MPI program without a compiler: a megabyte goes once around all processes, and each says where it is.

It runs in the job image, whose Python is older than the project's.
"""

import ctypes
import socket
import sys

SIZE = 1 << 20
SEAL = b"x"


def constant(mpi: ctypes.CDLL, name: str) -> ctypes.c_void_p:
    return ctypes.c_void_p(ctypes.addressof(ctypes.c_char.in_dll(mpi, name)))


def main() -> None:
    mpi = ctypes.CDLL("libmpi.so.40", mode=ctypes.RTLD_GLOBAL)
    world, byte = constant(mpi, "ompi_mpi_comm_world"), constant(mpi, "ompi_mpi_byte")
    mpi.MPI_Init(None, None)
    rank, size = ctypes.c_int(), ctypes.c_int()
    mpi.MPI_Comm_rank(world, ctypes.byref(rank))
    mpi.MPI_Comm_size(world, ctypes.byref(size))
    left, right = (rank.value - 1) % size.value, (rank.value + 1) % size.value
    message = ctypes.create_string_buffer(SIZE)
    if rank.value == 0:
        message[SIZE - 1] = SEAL
        mpi.MPI_Send(message, SIZE, byte, right, 0, world)
    mpi.MPI_Recv(message, SIZE, byte, left, 0, world, None)
    if rank.value != 0:
        mpi.MPI_Send(message, SIZE, byte, right, 0, world)
    arrived = "arrived" if message[SIZE - 1] == SEAL else "got lost"
    sys.stdout.write(f"rank {rank.value}/{size.value} on {socket.gethostname()}: it {arrived}\n")
    mpi.MPI_Finalize()


if __name__ == "__main__":
    main()
