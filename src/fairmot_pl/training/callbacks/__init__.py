"""What happens around the steps: tracking, pictures, resume points, throughput."""
