from cats4ml_client.cli import main

main()
