"""What a command does once its configuration is checked; torch and Lightning are loaded here and not before."""
