"""CodeBuild builds that really run the project's buildspec."""
