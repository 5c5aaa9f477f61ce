"""`docker` as a build of the embedded AWS finds it.

It stands where ECR's registry would answer on AWS: `login` takes only the token that ECR gave, `push` makes the calls
to ECR that the registry makes for a client, with the build's own role, so that rights, missing repositories and
immutable tags show as on AWS. With a container engine `build` and `tag` are the engine's (`engine`). Without one
`build` checks what it can without running anything (`recorded`): that the context is there, that the Dockerfile is one,
that what it copies and the stage that is asked for exist, that the arguments it is given are its own.
"""
