"""Operations: what may be asked, how a request is read, what an outcome says."""
