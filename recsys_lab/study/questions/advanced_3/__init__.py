"""Complex event processing: viewed three times and not bought within half an hour, in a stream that is out of order."""
